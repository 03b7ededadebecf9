# SPDX-License-Identifier: Apache-2.0
# The agent from the release tarball, its libraries replaced by those of the store. It is not built from source: that
# needs Swift 6.3, which nixpkgs does not have. A tarball of your own (`make tarball` on Debian 12) is taken with
#
#   spoke.override { src = ./spoke-0.1.0-linux-amd64.tar.gz; }
{ lib
, stdenv
, autoPatchelfHook
, dpkg
, fetchurl
, systemd
, snappy
, protobufc
, libyaml
, zlib
, release ? builtins.fromJSON (builtins.readFile ./release.json)
, src ? null
}:

let
  system = stdenv.hostPlatform.system;
  pinned = release.tarballs.${system} or (throw ''
    No release of Spoke is pinned for ${system} in nix/release.json.
    Build a tarball on Debian 12 with "make tarball", then use spoke.override { src = ./spoke-VERSION-linux-ARCH.tar.gz; },
    or set services.spoke.package to that.
  '');

  # The binary is linked with the RE2 of Debian 12; nixpkgs has a later one, with another interface.
  re2 = fetchurl ({
    x86_64-linux = {
      url = "mirror://debian/pool/main/r/re2/libre2-9_20220601+dfsg-1+b1_amd64.deb";
      sha256 = "5c88f0b8b91cedcdc9ec1124dbeb0ed8a1b1e159babb462054b61f9bc8bf48e9";
    };
    aarch64-linux = {
      url = "mirror://debian/pool/main/r/re2/libre2-9_20220601+dfsg-1+b1_arm64.deb";
      sha256 = "4699062bba40ba4f8286061bfa8345a61686faa9544228c2004ed334ba5d2031";
    };
  }.${system} or (throw "Spoke runs on x86_64-linux and aarch64-linux, not on ${system}"));
in
stdenv.mkDerivation {
  pname = "spoke";
  version = release.version;
  src = if src != null then src else fetchurl pinned;

  nativeBuildInputs = [ autoPatchelfHook dpkg ];
  buildInputs = [ stdenv.cc.cc.lib systemd snappy protobufc libyaml zlib ];

  dontConfigure = true;
  dontBuild = true;
  # The binary is stripped as far as it can be.
  dontStrip = true;

  installPhase = ''
    runHook preInstall
    mkdir -p $out/lib $out/share/doc/spoke
    cp -R bin share $out/
    mv $out/share/zsh/vendor-completions $out/share/zsh/site-functions
    cp -R LICENSE README.md sbom.cdx.json etc/spoke/config.alloy systemd/spoke.service $out/share/doc/spoke/
    dpkg-deb -x ${re2} re2
    cp -P re2/usr/lib/*/libre2.so.* $out/lib/
    runHook postInstall
  '';

  doInstallCheck = true;
  installCheckPhase = ''
    $out/bin/agent --version
  '';

  meta = {
    description = "Collector of metrics and logs for one host, compatible with configurations of Grafana Alloy";
    license = lib.licenses.asl20;
    mainProgram = "agent";
    platforms = [ "x86_64-linux" "aarch64-linux" ];
    sourceProvenance = [ lib.sourceTypes.binaryNativeCode ];
  };
}
