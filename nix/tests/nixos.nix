# SPDX-License-Identifier: Apache-2.0
# The options of NixOS that the module sets or reads, and what NixOS makes of them: assertions, warnings, files in /etc,
# and the text of the unit.
{ modules, pkgs ? import ./nixpkgs.nix { } }:

let
  inherit (pkgs) lib;
  inherit (lib) mkOption types concatStringsSep mapAttrsToList;

  strings = mkOption { type = types.listOf types.str; default = [ ]; };
  sets = type: mkOption { type = types.attrsOf type; default = { }; };

  unit = types.submodule {
    description = mkOption { type = types.str; default = ""; };
    documentation = strings;
    wantedBy = strings;
    wants = strings;
    after = strings;
    reloadTriggers = mkOption { type = types.listOf types.unspecified; default = [ ]; };
    environment = sets types.str;
    unitConfig = sets types.unspecified;
    serviceConfig = sets types.unspecified;
  };
  user = types.submodule {
    isSystemUser = mkOption { type = types.bool; default = false; };
    group = mkOption { type = types.str; };
    description = mkOption { type = types.str; default = ""; };
  };

  nixos.options = {
    assertions = mkOption { type = types.listOf types.unspecified; default = [ ]; };
    warnings = strings;
    environment.systemPackages = mkOption { type = types.listOf types.package; default = [ ]; };
    environment.etc = sets (types.submodule { source = mkOption { type = types.path; }; });
    networking.hostName = mkOption { type = types.str; default = "nixos"; };
    networking.firewall.allowedTCPPorts = mkOption { type = types.listOf types.int; default = [ ]; };
    users.users = sets user;
    users.groups = sets (types.submodule { });
    systemd.services = sets unit;
  };

  inherit (lib.evalModules { modules = [ nixos ] ++ modules; specialArgs = { inherit pkgs; }; }) config;
  failed = builtins.filter (one: !one.assertion) config.assertions;

  text = value: if value == true then "true" else if value == false then "false" else toString value;
  line = name: value: if builtins.isList value then concatStringsSep "" (map (line name) value) else "${name}=${text value}\n";
  section = attributes: concatStringsSep "" (mapAttrsToList line attributes);
  list = name: values: if values == [ ] then { } else { ${name} = concatStringsSep " " (map toString values); };
  unitText = service:
    "[Unit]\n" + section ({ Description = service.description; }
      // list "Documentation" service.documentation
      // list "After" service.after // list "Wants" service.wants
      // list "X-Reload-Triggers" service.reloadTriggers
      // service.unitConfig)
    + "\n[Service]\n"
    + section { Environment = mapAttrsToList (name: value: builtins.toJSON "${name}=${value}") service.environment; }
    + section service.serviceConfig
    # NixOS makes links of it; here it is written as a unit has it.
    + "\n[Install]\n" + section (list "WantedBy" service.wantedBy);
in
{
  inherit config;
  messages = map (one: one.message) failed;
  # Everything, as far as there is no mistake; NixOS stops at failed assertions, too.
  system =
    if failed != [ ] then throw ("Failed assertions:\n" + concatStringsSep "\n" (map (one: "- ${one.message}") failed))
    else
      pkgs.runCommand "system" { unit = unitText config.systemd.services.spoke; } (''
        mkdir $out
        printf %s "$unit" >$out/spoke.service
      '' + concatStringsSep "" (mapAttrsToList
        (name: file: ''
          mkdir -p "$(dirname "$out/etc/${name}")"
          cp -r ${file.source} "$out/etc/${name}"
        '')
        config.environment.etc));
}
