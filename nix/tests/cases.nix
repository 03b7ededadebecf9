# SPDX-License-Identifier: Apache-2.0
# Configurations of hosts, right and wrong ones. `agent` is the binary that is to check them.
{ agent ? "/nowhere" }:

let
  pkgs = import ./nixpkgs.nix { };
  package = pkgs.runCommand "spoke" { agent = /. + agent; } ''
    mkdir -p $out/bin
    cp "$agent" $out/bin/agent
  '';
  with' = modules: import ./nixos.nix {
    modules = [ ../module.nix { services.spoke.package = package; networking.hostName = "nas"; } ] ++ modules;
  };
  spoke = options: with' [{ services.spoke = { enable = true; } // options; }];

  example = hub: { config, pkgs, ... }: {
    services.spoke = {
      enable = true;
      config = ''
        // --- METRICS COLLECTION ---
        prometheus.exporter.unix "local_system" {
          set_collectors = ["systemd", "filesystem", "cpu", "meminfo", "disk", "loadavg", "netdev"]
        }

        prometheus.scrape "metrics_scraper" {
          targets    = prometheus.exporter.unix.local_system.targets
          forward_to = [prometheus.remote_write.remote_hub.receiver]
          scrape_interval = "30s"
        }

        prometheus.remote_write "remote_hub" {
          endpoint {
            url = "http://${hub}:9090/api/v1/write"
          }
        }

        // --- LOGS COLLECTION ---
        loki.source.journal "read_journal" {
          forward_to = [loki.write.remote_loki.receiver]
          labels     = { 
            job = "systemd-journal"
            host = "${config.networking.hostName}"
          }
        }

        loki.write "remote_loki" {
          endpoint {
            url = "http://${hub}:3100/loki/api/v1/push"
          }
        }
      '';
    };
  };
  usesEnvironment = ''
    prometheus.remote_write "hub" {
      external_labels = encoding.from_json(sys.env("SPOKE_EXTERNAL_LABELS"))

      endpoint {
        url = sys.env("SPOKE_HUB_PROMETHEUS")
      }
    }

    loki.write "hub" {
      external_labels = encoding.from_json(sys.env("SPOKE_EXTERNAL_LABELS"))

      endpoint {
        url = sys.env("SPOKE_HUB_LOKI")
      }
    }
  '';
  bothHubs = { hub.prometheus = "http://100.64.0.1:9090"; hub.loki = "http://100.64.0.1:3100/"; };
in
rec {
  # --- Hosts that are built ---

  hosts = {
    generated = spoke bothHubs;
    metrics-only = spoke { hub.prometheus = "https://hub.example.org/prometheus/api/v1/write"; };
    logs-only = spoke {
      hub.loki = "http://hub:3100";
      externalLabels = { cluster = "homelab"; note = "a \"quoted\" \\ text\nof two lines"; };
    };
    # The homelab's configuration as it was for services.alloy, with the hub's address.
    homelab = with' [ (example "100.64.0.1") ];
    homelab-files = spoke {
      config = ''
        local.file_match "logs" {
          path_targets = [{"__path__" = "/var/log/**/*.log"}]
        }

        loki.source.file "logs" {
          targets    = local.file_match.logs.targets
          forward_to = [loki.write.hub.receiver]
        }

        loki.write "hub" {
          endpoint {
            name = "loki"
            url  = "http://100.64.0.1:3100/loki/api/v1/push"
          }
        }
      '';
    };
    environment = spoke (bothHubs // { config = usesEnvironment; externalLabels = { host = "nas"; site = "home"; }; });
    file-of-the-flake = spoke { configFile = ../../packaging/deb/config.alloy; };
    file-of-the-host = spoke {
      configFile = "/run/secrets/spoke.alloy";
      environmentFile = "/run/secrets/spoke.env";
      extraFlags = [ "--storage.queue-bytes=2GiB" "--server.http.listen-addr=0.0.0.0:9999" "--disable-reporting" ];
      extraGroups = [ "nginx" ];
      openFirewall = true;
    };
    alloy-names = spoke { configPath = ../../packaging/deb/config.alloy; };
    # Several files of a NixOS configuration say something.
    merged = with' [
      { services.spoke.enable = pkgs.lib.mkDefault false; services.spoke.config = "// one file"; }
      { services.spoke.enable = true; services.spoke.config = pkgs.lib.mkIf true "// and another"; }
    ];
  };

  # --- Hosts that are not, because the agent refuses their configuration ---

  refused = {
    placeholder = with' [ (example "<HUB_TAILSCALE_IP>") ];
    mistake = spoke { config = "prometheus.scrape \"a\" {\n  target = []\n}\n"; };
  };

  # --- What is said ---

  said = builtins.mapAttrs (_: host: host.messages ++ host.config.warnings) {
    all-is-well = spoke bothHubs;
    no-hub = spoke { };
    two-configurations = spoke { config = ""; configFile = "/etc/spoke.alloy"; };
    address-without-scheme = spoke { hub.prometheus = "100.64.0.1:9090"; };
    label-names = spoke (bothHubs // { externalLabels = { "my-host" = "a"; fine = "b"; "1st" = "c"; }; });
    firewall-of-a-loopback = spoke (bothHubs // { openFirewall = true; });
    listen-address = spoke (bothHubs // { extraFlags = [ "--server.http.listen-addr=nonsense" ]; });
    unused-options = spoke (bothHubs // { config = "// nothing"; externalLabels = { cluster = "homelab"; }; });
    used-options = spoke (bothHubs // { config = usesEnvironment; externalLabels = { cluster = "homelab"; }; });
  };

  # --- What NixOS itself refuses ---

  thrown = {
    unknown-option = spoke { hub.prometeus = "http://hub:9090"; };
    wrong-type = spoke { config = 5; };
    two-addresses = with' [ { services.spoke.hub.loki = "http://a"; } { services.spoke.hub.loki = "http://b"; } ];
  };
  evaluated = builtins.mapAttrs (_: host: builtins.deepSeq host.config.services.spoke.config
    (builtins.deepSeq host.config.services.spoke.hub "no error")) thrown;

  disabled = (with' [{ services.spoke.enable = false; }]).config;
  isNothing = disabled.systemd.services == { } && disabled.environment.etc == { } && disabled.users.users == { };
  firewall = builtins.mapAttrs (_: host: host.config.networking.firewall.allowedTCPPorts) hosts;

  # --- The package and the flake ---

  built = { downloads, tarball, version }: import ../package.nix (
    let pkgs = import ./nixpkgs.nix { inherit downloads; };
    in builtins.intersectAttrs (builtins.functionArgs (import ../package.nix)) pkgs
      // { src = /. + tarball; release = { inherit version; tarballs = { }; }; }
  );
  source = { release, downloads ? "/nowhere" }: (pkgs.callPackage ../package.nix {
    inherit release;
    inherit (import ./nixpkgs.nix { inherit downloads; }) fetchurl;
    stdenv = pkgs.stdenv // { mkDerivation = { src, ... }: src; };
  });
  unpinned = source { release = { version = "0"; tarballs = { }; }; };
  # What is fetched of a release, if it has the hash that is noted.
  pinned = { downloads, release }:
    source { inherit downloads; release = builtins.fromJSON (builtins.readFile (/. + release)); };
  flake =
    let
      outputs = (import ../flake.nix).outputs {
        self = outputs;
        nixpkgs = {
          inherit (pkgs) lib;
          legacyPackages = { x86_64-linux = pkgs; aarch64-linux = pkgs; };
        };
      };
    in
    outputs;
}
