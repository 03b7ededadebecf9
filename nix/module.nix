# SPDX-License-Identifier: Apache-2.0
# The NixOS module `services.spoke`. A configuration of `services.alloy` works with the name changed.
{ config, lib, pkgs, ... }:

let
  cfg = config.services.spoke;
  inherit (lib) mkIf mkOption types;

  serverFlag = "--server.http.listen-addr=";
  # The last one counts, as for the agent.
  server = lib.foldl' (found: flag: if lib.hasPrefix serverFlag flag then lib.removePrefix serverFlag flag else found)
    "127.0.0.1:12345" cfg.extraFlags;
  serverParts = builtins.match "(.*):([0-9]+)" server;
  isLoopback = builtins.match "127\\..*|localhost|\\[::1]" (builtins.head serverParts) != null;

  # An address alone means the usual path of the protocol there.
  withPath = path: url: if builtins.match "https?://[^/]+/?" url != null then lib.removeSuffix "/" url + path else url;
  hub = {
    prometheus = if cfg.hub.prometheus == null then null else withPath "/api/v1/write" cfg.hub.prometheus;
    loki = if cfg.hub.loki == null then null else withPath "/loki/api/v1/push" cfg.hub.loki;
  };
  isAddress = url: url == null || builtins.match "https?://[^ ]+" url != null;
  wrongLabels = builtins.filter (name: builtins.match "[a-zA-Z_][a-zA-Z0-9_]*" name == null)
    (builtins.attrNames cfg.externalLabels);

  isGenerated = cfg.config == null && cfg.configFile == null;

  # What a configuration that is not generated can ask for: sys.env("SPOKE_HUB_LOKI") and so on.
  environment = lib.optionalAttrs (!isGenerated) ({
    SPOKE_EXTERNAL_LABELS = builtins.toJSON cfg.externalLabels;
  }
  // lib.optionalAttrs (hub.prometheus != null) { SPOKE_HUB_PROMETHEUS = hub.prometheus; }
  // lib.optionalAttrs (hub.loki != null) { SPOKE_HUB_LOKI = hub.loki; });

  text = if isGenerated then import ./host.nix { inherit lib hub; labels = cfg.externalLabels; } else cfg.config;

  # What is there when the system is built, and what is only there when it runs.
  source = if cfg.configFile == null then pkgs.writeText "config.alloy" text else cfg.configFile;
  isKnown = cfg.configFile == null || builtins.isPath cfg.configFile
    || lib.hasPrefix "${builtins.storeDir}/" (toString cfg.configFile);
  checked =
    if !cfg.checkConfig then source
    else pkgs.runCommand "spoke-config.alloy" environment ''
      cp -rL ${source} config.alloy
      ${cfg.package}/bin/agent check --offline config.alloy
      cp -r config.alloy $out
    '';
  path = if isKnown then "/etc/spoke/config.alloy" else toString cfg.configFile;
in
{
  # As it is called there.
  imports = [ (lib.mkAliasOptionModule [ "services" "spoke" "configPath" ] [ "services" "spoke" "configFile" ]) ];

  options.services.spoke = {
    enable = lib.mkEnableOption "Spoke, which collects this host's metrics and logs and sends them to a hub";

    package = mkOption {
      type = types.package;
      default = pkgs.spoke or (pkgs.callPackage ./package.nix { });
      defaultText = lib.literalExpression "pkgs.spoke";
      description = "The package with the agent.";
    };

    config = mkOption {
      type = types.nullOr types.lines;
      default = null;
      example = ''
        loki.source.journal "journal" {
          forward_to = [loki.write.hub.receiver]
        }

        loki.write "hub" {
          endpoint {
            url = sys.env("SPOKE_HUB_LOKI")
          }
        }
      '';
      description = ''
        The configuration, in Alloy's language. Without it and without `configFile` one is made from `hub` and
        `externalLabels`: node metrics, the journal and the files `/var/log/**/*.log`.

        What `hub` and `externalLabels` say is then in the environment: `sys.env("SPOKE_HUB_PROMETHEUS")`,
        `sys.env("SPOKE_HUB_LOKI")`, `encoding.from_json(sys.env("SPOKE_EXTERNAL_LABELS"))`.
      '';
    };

    configFile = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = lib.literalExpression "./spoke.alloy";
      description = ''
        A file with the configuration, or a directory whose `*.alloy` files are one, instead of `config`. A file of the
        flake or the store is checked when the system is built; a string such as `"/run/secrets/spoke.alloy"` is
        first read when the service starts. `configPath` is another name of this option.
      '';
    };

    checkConfig = mkOption {
      type = types.bool;
      default = pkgs.stdenv.buildPlatform.canExecute pkgs.stdenv.hostPlatform;
      defaultText = lib.literalExpression "pkgs.stdenv.buildPlatform.canExecute pkgs.stdenv.hostPlatform";
      description = ''
        Whether `agent check --offline` must accept the configuration when the system is built. To be switched off where it
        needs what is only on the host: variables of `environmentFile` that may not be empty, or imported files.
      '';
    };

    environmentFile = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = "/run/secrets/spoke.env";
      description = ''
        A file of lines NAME=VALUE that is read when the service starts; `sys.env("NAME")` is the value. For
        passwords, which must not be in the store.
      '';
    };

    externalLabels = mkOption {
      type = types.attrsOf types.str;
      default = { host = config.networking.hostName; };
      defaultText = lib.literalExpression "{ host = config.networking.hostName; }";
      example = lib.literalExpression ''{ host = config.networking.hostName; cluster = "homelab"; }'';
      description = "Labels of everything that is sent.";
    };

    hub = {
      prometheus = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "http://100.64.0.1:9090";
        description = "The hub's Prometheus; `/api/v1/write` is added to an address without a path.";
      };
      loki = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "http://100.64.0.1:3100";
        description = "The hub's Loki; `/loki/api/v1/push` is added to an address without a path.";
      };
    };

    extraFlags = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "--storage.queue-bytes=2GiB" "--server.http.listen-addr=127.0.0.1:12346" ];
      description = "More flags of `agent run`.";
    };

    extraGroups = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "nginx" ];
      description = "Groups whose files the agent may read, beside `systemd-journal` and `adm`.";
    };

    openFirewall = mkOption {
      type = types.bool;
      default = false;
      description = ''
        Whether others may reach the agent's own server (`/metrics`, `/-/ready`), for which `--server.http.listen-addr`
        in `extraFlags` must name an address that is not loopback. Nothing needs it for sending to a hub.
      '';
    };
  };

  config = mkIf cfg.enable {
    assertions = [
      {
        assertion = cfg.config == null || cfg.configFile == null;
        message = "services.spoke: config and configFile exclude each other; keep one of them.";
      }
      {
        assertion = !isGenerated || cfg.hub.prometheus != null || cfg.hub.loki != null;
        message = ''
          services.spoke: there is nothing to send to. Set services.spoke.hub.prometheus ("http://HUB:9090") or
          services.spoke.hub.loki ("http://HUB:3100"), or write a configuration into services.spoke.config.
        '';
      }
      {
        assertion = isAddress cfg.hub.prometheus && isAddress cfg.hub.loki;
        message = ''services.spoke: hub.prometheus and hub.loki begin with http:// or https://, as in "http://HUB:9090".'';
      }
      {
        assertion = wrongLabels == [ ];
        message = ''
          services.spoke.externalLabels: ${builtins.toJSON wrongLabels} cannot be names of labels: these have letters,
          digits and _ only, and do not begin with a digit.
        '';
      }
      {
        assertion = serverParts != null;
        message = "services.spoke.extraFlags: ${serverFlag}${server} is not HOST:PORT.";
      }
      {
        assertion = !cfg.openFirewall || serverParts == null || !isLoopback;
        message = ''
          services.spoke.openFirewall: the agent's server listens on ${server}, which nobody else reaches. Add
          "${serverFlag}0.0.0.0:12345" to services.spoke.extraFlags, or leave the firewall closed.
        '';
      }
    ];

    warnings =
      let
        unused = option: variable: isSet: lib.optional (cfg.config != null && isSet && !(lib.hasInfix variable cfg.config))
          ''services.spoke.${option} has no effect: services.spoke.config does not use sys.env("${variable}").'';
      in
      unused "hub.prometheus" "SPOKE_HUB_PROMETHEUS" (hub.prometheus != null)
      ++ unused "hub.loki" "SPOKE_HUB_LOKI" (hub.loki != null)
      ++ unused "externalLabels" "SPOKE_EXTERNAL_LABELS" (cfg.externalLabels != { host = config.networking.hostName; });

    environment.systemPackages = [ cfg.package ];
    environment.etc = mkIf isKnown { "spoke/config.alloy".source = checked; };

    users.users.spoke = {
      isSystemUser = true;
      group = "spoke";
      description = "Spoke collector";
    };
    users.groups.spoke = { };

    networking.firewall.allowedTCPPorts =
      mkIf (cfg.openFirewall && serverParts != null) [ (lib.toInt (builtins.elemAt serverParts 1)) ];

    # systemd/spoke.service of the project, with paths of the store; nix/tests/run compares the two.
    systemd.services.spoke = {
      description = "Spoke: collects this host's metrics and logs and sends them to a hub";
      documentation = [ "man:agent(8)" "man:spoke.alloy(5)" ];
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-online.target" ];
      after = [
        "network-online.target"
        "nss-lookup.target"
        "tailscaled.service"
        "systemd-journald.service"
        "time-sync.target"
      ];
      # Another configuration is taken up by a reload, without a restart.
      reloadTriggers = lib.optional isKnown checked;
      inherit environment;

      unitConfig = {
        ConditionPathExists = path;
        StartLimitIntervalSec = 0;
      };

      serviceConfig = {
        Type = "notify";
        NotifyAccess = "main";
        ExecStart = "${cfg.package}/bin/agent run "
          + lib.concatMapStrings (flag: lib.escapeShellArg flag + " ") cfg.extraFlags + path;
        ExecReload = [
          "${cfg.package}/bin/agent validate ${path}"
          "/bin/sh -c 'kill -HUP $MAINPID'"
        ];
        WatchdogSec = "3min";
        WatchdogSignal = "SIGKILL";
        TimeoutStartSec = "90s";
        TimeoutStopSec = "20s";
        Restart = "always";
        RestartSec = "5s";

        User = "spoke";
        Group = "spoke";
        SupplementaryGroups = [ "systemd-journal" "adm" ] ++ cfg.extraGroups;
        StateDirectory = "spoke";
        StateDirectoryMode = "0750";
        UMask = "0077";
        CapabilityBoundingSet = [ "CAP_DAC_READ_SEARCH" ];
        AmbientCapabilities = [ "CAP_DAC_READ_SEARCH" ];

        MemoryHigh = "96M";
        MemoryMax = "160M";
        CPUQuota = "50%";
        CPUWeight = 50;
        IOWeight = 50;
        TasksMax = 64;
        LimitNOFILE = 4096;
        OOMScoreAdjust = -100;

        ProtectSystem = "strict";
        ProtectHome = "read-only";
        PrivateTmp = true;
        PrivateDevices = true;
        DevicePolicy = "closed";
        ProtectKernelTunables = true;
        ProtectKernelModules = true;
        ProtectKernelLogs = true;
        ProtectControlGroups = true;
        ProtectClock = true;
        ProtectHostname = true;
        NoNewPrivileges = true;
        RestrictSUIDSGID = true;
        RestrictNamespaces = true;
        RestrictRealtime = true;
        LockPersonality = true;
        MemoryDenyWriteExecute = true;
        RemoveIPC = true;
        KeyringMode = "private";
        RestrictAddressFamilies = [ "AF_INET" "AF_INET6" "AF_UNIX" "AF_NETLINK" ];
        SystemCallArchitectures = "native";
        SystemCallFilter = [
          "@system-service"
          "~@privileged @resources @mount @swap @reboot @obsolete @debug @cpu-emulation @raw-io @module"
        ];
        SystemCallErrorNumber = "EPERM";
      }
      // lib.optionalAttrs (cfg.environmentFile != null) { EnvironmentFile = toString cfg.environmentFile; };
    };
  };
}
