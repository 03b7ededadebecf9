# SPDX-License-Identifier: Apache-2.0
{
  description = "Spoke: collects a host's metrics and logs and sends them to a hub";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      forEach = nixpkgs.lib.genAttrs [ "x86_64-linux" "aarch64-linux" ];
      overlay = final: _: { spoke = final.callPackage ./package.nix { }; };
    in
    {
      overlays.default = overlay;

      packages = forEach (system: rec {
        spoke = nixpkgs.legacyPackages.${system}.callPackage ./package.nix { };
        default = spoke;
      });

      nixosModules = rec {
        spoke = ./module.nix;
        default = spoke;
      };

      # A virtual machine with the service, and another with Prometheus and Loki.
      checks = forEach (system: {
        vm = nixpkgs.legacyPackages.${system}.callPackage ./test.nix { };
      });
    };
}
