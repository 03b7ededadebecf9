# SPDX-License-Identifier: Apache-2.0
# Two virtual machines: a hub with Prometheus and Loki, and a host that has nothing but its addresses.
{ testers }:

testers.runNixOSTest {
  name = "spoke";

  nodes.hub = {
    networking.firewall.allowedTCPPorts = [ 9090 3100 ];
    services.prometheus = {
      enable = true;
      extraFlags = [ "--web.enable-remote-write-receiver" ];
    };
    services.loki = {
      enable = true;
      configuration = {
        auth_enabled = false;
        server.http_listen_port = 3100;
        common = {
          path_prefix = "/var/lib/loki";
          replication_factor = 1;
          ring = {
            instance_addr = "127.0.0.1";
            kvstore.store = "inmemory";
          };
          storage.filesystem = {
            chunks_directory = "/var/lib/loki/chunks";
            rules_directory = "/var/lib/loki/rules";
          };
        };
        schema_config.configs = [{
          from = "2024-01-01";
          store = "tsdb";
          object_store = "filesystem";
          schema = "v13";
          index = { prefix = "index_"; period = "24h"; };
        }];
      };
    };
  };

  nodes.host = { pkgs, ... }: {
    imports = [ ./module.nix ];
    environment.systemPackages = [ pkgs.curl ];
    services.spoke = {
      enable = true;
      hub.prometheus = "http://hub:9090";
      hub.loki = "http://hub:3100";
    };
    # Another configuration must be taken up by a reload.
    specialisation.labelled.configuration.services.spoke.externalLabels = { host = "host"; cluster = "test"; };
  };

  testScript = ''
    import json

    def prometheus(query):
        answer = host.succeed(f"curl -sfG http://hub:9090/api/v1/query --data-urlencode 'query={query}'")
        return json.loads(answer)["data"]["result"]

    def wait_for_metric(query):
        host.wait_until_succeeds(
            f"curl -sfG http://hub:9090/api/v1/query --data-urlencode 'query={query}' | grep -q '\"value\"'", timeout=120
        )

    def wait_for_line(text):
        host.wait_until_succeeds(
            "curl -sfG http://hub:3100/loki/api/v1/query_range "
            f"--data-urlencode 'query={{host=\"host\"}} |= `{text}`' | grep -q '{text}'",
            timeout=120,
        )

    hub.wait_for_unit("prometheus.service")
    hub.wait_for_unit("loki.service")
    hub.wait_for_open_port(9090)
    hub.wait_until_succeeds("curl -sf http://127.0.0.1:3100/ready", timeout=120)
    host.wait_for_unit("spoke.service")

    with subtest("metrics and lines arrive"):
        wait_for_metric('node_uname_info{host="host"}')
        wait_for_metric('node_systemd_unit_state{host="host",name="spoke.service",state="active"} == 1')
        host.succeed("systemd-cat -t marker echo in-the-journal")
        wait_for_line("in-the-journal")
        host.succeed("echo in-a-file >> /var/log/test.log")
        wait_for_line("in-a-file")

    with subtest("what is collected without a hub arrives later"):
        hub.block()
        host.succeed("systemd-cat -t marker echo without-a-hub")
        host.succeed("systemctl restart spoke")
        hub.unblock()
        wait_for_line("without-a-hub")

    with subtest("another configuration is taken up by a reload"):
        pid = host.succeed("systemctl show -P MainPID spoke")
        host.succeed("/run/current-system/specialisation/labelled/bin/switch-to-configuration test")
        wait_for_metric('node_uname_info{host="host",cluster="test"}')
        assert pid == host.succeed("systemctl show -P MainPID spoke"), "it was restarted"

    with subtest("the sandbox is as tight as the project promises"):
        host.succeed("systemd-analyze security --threshold=20 --no-pager spoke.service")
  '';
}
