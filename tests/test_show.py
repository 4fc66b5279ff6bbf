"""What `/config` shows: the configuration as one writes it, and never a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter import config

CONFIG = """
max_answers: 4
defaults:
  interval: 1m30s
  stale_after: 1h
  collectors: [vms, vpgs]
  auth: {username: monitor, password: pl4nted}
zvms:
  - name: nyc
    url: https://${HOST}:9669
    max_body: 64MiB
    auth: {username: "${USER_NAME}"}
    filters: {organizationName: Acme}
    labels: {region: us-east, floor: "${FLOOR}"}
    metrics: {deny: [zerto_vm_iops]}
    vms: {exclude: {vm: [".*-test"]}}
  - name: lon
    url: https://zvm-lon.example.com
    timeout: 500ms
    auth: {method: keycloak_client, client_id: me, client_secret: pl4nted}
    tls: {insecure_skip_verify: true}
"""
SHOWN = """\
zvms:
- name: nyc
  url: <secret>
  interval: 1m30s
  timeout: 20s
  max_body: 64MiB
  max_requests: 4
  auth:
    method: auto
    account: auto
    realm: zerto
    scope: openid
    username: <secret>
    password: <secret>
  tls:
    insecure_skip_verify: false
    min_version: TLS12
  stale_after: 1h
  collectors:
  - vms
  - vpgs
  filters:
    organizationName: Acme
  labels:
    region: us-east
    floor: <secret>
  metrics:
    deny:
    - zerto_vm_iops
  vms:
    exclude:
      vm:
      - .*-test
- name: lon
  url: https://zvm-lon.example.com
  interval: 1m30s
  timeout: 500ms
  max_body: 64MiB
  max_requests: 4
  auth:
    method: keycloak_client
    account: auto
    realm: zerto
    scope: openid
    username: monitor
    password: <secret>
    client_id: me
    client_secret: <secret>
  tls:
    insecure_skip_verify: true
    min_version: TLS12
  stale_after: 1h
  collectors:
  - vms
  - vpgs
max_answers: 4
"""
VARIABLES = {"HOST": "pl4nted.example.com", "USER_NAME": "pl4nted", "FLOOR": "pl4nted"}


def test_the_configuration_is_shown_without_a_secret(tmp_path: Path) -> None:
    """Whatever stood in a variable may be one."""
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG)
    shown = config.show(config.load(file, VARIABLES))
    assert shown == SHOWN
    assert "pl4nted" not in shown


@pytest.mark.parametrize("text", ["500ms", "1s", "1m", "1h30m", "1h1m1s1ms", "24h"])
def test_a_duration_is_shown_as_it_is_written(text: str, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG.replace("1m30s", "1ms").replace("timeout: 500ms", "timeout: 1ms").replace("1h", text))
    assert config.show(config.load(file, VARIABLES)).count(f"stale_after: {text}\n") == 2
