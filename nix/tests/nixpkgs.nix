# SPDX-License-Identifier: Apache-2.0
# What the module and the package use of nixpkgs' packages. Derivations are real and are built, with the programs of this
# machine: `stdenv` runs the phases that the package defines, `autoPatchelfHook` does nothing, so what comes out runs
# where this runs. `downloads` has what would be fetched.
{ downloads ? "/nowhere" }:

let
  lib = import ./lib.nix;
  system = builtins.currentSystem;

  # Environment variables as nixpkgs' runCommand and mkDerivation give them.
  run = name: variables: script: derivation (variables // {
    inherit name system script;
    builder = "/bin/bash";
    args = [ "-euc" ''eval "$script"'' ];
    PATH = "/usr/sbin:/usr/bin:/sbin:/bin";
  });

  pkgs = rec {
    inherit lib;
    writeText = name: text: run name { inherit text; } ''printf %s "$text" >"$out"'';
    runCommand = run;
    fetchurl = { url, sha256 }: builtins.fetchurl { url = "file://${downloads}/${baseNameOf url}"; inherit sha256; };
    callPackage = file: arguments:
      let function = import file;
      in function (builtins.intersectAttrs (builtins.functionArgs function) pkgs // arguments);
    stdenv = {
      hostPlatform = { inherit system; };
      buildPlatform.canExecute = _: true;
      cc.cc.lib = writeText "libstdcxx" "";
      mkDerivation = attributes: run "${attributes.pname}-${attributes.version}"
        {
          inherit (attributes) src installPhase installCheckPhase;
        } ''
        runHook() { :; }
        cd "$(mktemp -d)"
        tar --strip-components=1 -xf "$src"
        eval "$installPhase"
        eval "$installCheckPhase"
      '' // { inherit (attributes) pname version meta; };
    };
    # Machines are not started here; the script of the test is at least Python.
    testers.runNixOSTest = test: run "vm-test-${test.name}" { inherit (test) testScript; } ''
      /usr/bin/python3 -c 'import os; compile(os.environ["testScript"], "testScript", "exec")'
      touch "$out"
    '';
    autoPatchelfHook = null;
    dpkg = null;
    systemd = null;
    snappy = null;
    protobufc = null;
    libyaml = null;
    zlib = null;
  };
in
pkgs
