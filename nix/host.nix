# SPDX-License-Identifier: Apache-2.0
# The configuration of a host whose owner wrote none: node metrics, the journal and log files, to the hub there is.
{ lib, hub, labels }:

let
  # Strings of JSON are strings of the configuration language.
  string = builtins.toJSON;
  external = lib.concatStringsSep ", " (lib.mapAttrsToList (name: value: "${name} = ${string value}") labels);
in
lib.optionalString (hub.prometheus != null) ''
  prometheus.exporter.unix "host" {
    enable_collectors = ["systemd"]
  }

  prometheus.scrape "host" {
    targets         = prometheus.exporter.unix.host.targets
    forward_to      = [prometheus.remote_write.hub.receiver]
    scrape_interval = "30s"
  }

  prometheus.exporter.self "agent" { }

  prometheus.scrape "agent" {
    targets         = prometheus.exporter.self.agent.targets
    forward_to      = [prometheus.remote_write.hub.receiver]
    scrape_interval = "60s"
  }

  prometheus.remote_write "hub" {
    external_labels = {${external}}

    endpoint {
      url = ${string hub.prometheus}
    }
  }
''
+ lib.optionalString (hub.prometheus != null && hub.loki != null) "\n"
+ lib.optionalString (hub.loki != null) ''
  loki.relabel "journal" {
    forward_to = []

    rule {
      source_labels = ["__journal__systemd_unit"]
      target_label  = "unit"
    }

    rule {
      source_labels = ["__journal_priority_keyword"]
      target_label  = "level"
    }
  }

  loki.source.journal "journal" {
    labels        = {job = "systemd-journal"}
    relabel_rules = loki.relabel.journal.rules
    forward_to    = [loki.write.hub.receiver]
  }

  local.file_match "logs" {
    path_targets = [{__path__ = "/var/log/**/*.log", job = "files"}]
  }

  loki.source.file "logs" {
    targets    = local.file_match.logs.targets
    forward_to = [loki.write.hub.receiver]
  }

  loki.write "hub" {
    external_labels = {${external}}

    endpoint {
      url = ${string hub.loki}
    }
  }
''
