"""The Helm chart: what it renders, as Kubernetes, Prometheus Operator and the exporter itself read it.

No cluster is asked. `make chart` writes what is generated: the copies of rules and dashboards, the table of values.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import msgspec
import pytest
import trustme
import yaml
from rule_files import RULES
from tools import ROOT
from tools.chart import CHART, COPIES, README, described, readme

from exporter import __version__, config
from exporter.cli import arguments
from exporter.config import Config, Metrics, Options, Zvm
from exporter.zvm.settings import Auth, Tls

DASHBOARDS = ROOT / "deploy" / "grafana" / "dashboards"
SCHEMA = json.loads((CHART / "values.schema.json").read_text())

CASES = sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").glob("*-values.yaml"))
KUBERNETES = ("1.25", kubernetes_validate.latest_version())  # the oldest that Chart.yaml allows, and the newest
FOLDER = "/etc/zerto-exporter"

Object = dict[str, Any]


class Loader(yaml.CSafeLoader):
    """YAML in which no mapping has a key twice: Kubernetes would silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"a key twice among {keys}"
        return super().construct_mapping(node, deep)


def load_yaml(text: str) -> list[Any]:
    return [document for document in yaml.load_all(text, Loader) if document is not None]


@dataclass(frozen=True)
class Helm:
    """Helm, as a user calls it."""

    program: str

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([self.program, *arguments], capture_output=True, text=True, check=False)

    def template(self, case: str, *settings: str) -> subprocess.CompletedProcess[str]:
        values = CHART / "ci" / f"{case}-values.yaml"
        options = [f"--values={values}", *(f"--set-json={setting}" for setting in settings)]
        return self.run(
            "template", "zerto-exporter", str(CHART), "--namespace=monitoring", f"--values={values}", *options
        )

    @functools.cache  # noqa: B019 - one Helm a session
    def objects(self, case: str, *settings: str) -> tuple[Object, ...]:
        """Return what the chart makes of ci/CASE-values.yaml, and of *settings* such as `shards=3` over it."""
        done = self.template(case, *settings)
        assert done.returncode == 0, done.stderr
        return tuple(load_yaml(done.stdout))

    def the(self, case: str, kind: str, *settings: str) -> Object:
        """Return the one object of *kind*, but for the test's own pod."""
        (found,) = all_of(self.objects(case, *settings), kind)
        return found

    def refusal(self, case: str, *settings: str) -> str:
        done = self.template(case, *settings)
        assert done.returncode != 0, f"{settings} was taken"
        return done.stderr


@pytest.fixture(scope="session")
def operator() -> dict[str, Any]:
    """Return the types of Prometheus Operator's objects by their kind."""
    from cloudcoil.models.prometheus_operator import v1, v1alpha1  # noqa: PLC0415 - seconds; only where it is needed

    return {
        "ServiceMonitor": v1.ServiceMonitor,
        "PodMonitor": v1.PodMonitor,
        "PrometheusRule": v1.PrometheusRule,
        "ScrapeConfig": v1alpha1.ScrapeConfig,
    }


@pytest.fixture(scope="session")
def helm() -> Helm:
    here = Path(sys.prefix) / "bin" / "helm"
    program = str(here) if here.exists() else shutil.which("helm")
    if program is None:
        assert "CI" not in os.environ, "CI must have helm: make .venv/bin/helm"
        pytest.skip("helm is not installed; with Go, `make .venv/bin/helm` builds it")
    return Helm(program)


def all_of(objects: Sequence[Object], *kinds: str) -> list[Object]:
    return [one for one in objects if one["kind"] in kinds]


def workload(objects: Sequence[Object]) -> Object:
    (found,) = all_of(objects, "Deployment", "StatefulSet")
    return found


def exporter(objects: Sequence[Object]) -> Object:
    containers = workload(objects)["spec"]["template"]["spec"]["containers"]
    (found,) = [container for container in containers if container["name"] == "zerto-exporter"]
    return dict(found)


def pods(objects: Sequence[Object]) -> Iterator[Object]:
    """Return the specifications of all pods: that of the exporter and that of the test."""
    yield workload(objects)["spec"]["template"]["spec"]
    yield from (pod["spec"] for pod in all_of(objects, "Pod"))


def environment(container: Object) -> dict[str, str]:
    """Return the variables that a container is given; those from Secrets with something in them."""
    return {variable["name"]: variable.get("value", "pl4nted") for variable in container["env"]}


def rules_of(rule: Object) -> dict[str, list[Object]]:
    return {group["name"]: group["rules"] for group in rule["spec"]["groups"]}


def sources_of_rules() -> dict[str, list[Object]]:
    groups = [group for path in sorted(RULES.glob("*.yml")) for group in load_yaml(path.read_text())[0]["groups"]]
    return {group["name"]: group["rules"] for group in groups}


@pytest.mark.parametrize("case", CASES)
def test_lint_finds_nothing(helm: Helm, case: str) -> None:
    done = helm.run("lint", "--strict", str(CHART), f"--values={CHART / 'ci' / f'{case}-values.yaml'}")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("case", CASES)
def test_every_object_is_valid(helm: Helm, operator: dict[str, Any], case: str) -> None:
    seen = set()
    for one in helm.objects(case):
        if one["apiVersion"].startswith("monitoring.coreos.com/"):
            operator[one["kind"]].model_validate(one, extra="forbid")
        else:
            for version in KUBERNETES if case in {"everything", "shards"} else KUBERNETES[:1]:
                kubernetes_validate.validate(one, version, strict=True)
        key = one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]
        assert key not in seen
        seen.add(key)


def test_what_validates_would_refuse_a_mistake(helm: Helm, operator: dict[str, Any]) -> None:
    """The libraries that judge above do judge."""
    monitor = msgspec.json.decode(msgspec.json.encode(helm.the("shards", "ServiceMonitor")))
    monitor["spec"]["endpoints"][0]["prot"] = "metrics"
    with pytest.raises(ValueError, match="prot"):
        operator["ServiceMonitor"].model_validate(monitor, extra="forbid")
    service = dict(helm.the("minimal", "Service"), specs={})
    with pytest.raises(kubernetes_validate.ValidationError, match="specs"):
        kubernetes_validate.validate(service, KUBERNETES[0], strict=True)


@pytest.mark.parametrize("case", CASES)
def test_every_pod_is_restricted(helm: Helm, case: str) -> None:
    """What the Pod Security Standard `restricted` asks for, and more."""
    user = None if case == "own-config" else 65532  # there, OpenShift hands out the user
    for pod in pods(helm.objects(case)):
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert [security.get(key) for key in ("runAsUser", "runAsGroup", "fsGroup")] == [user] * 3
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        for container in pod["containers"]:
            if container["name"] != "beside":  # a user's own
                assert container["securityContext"] == {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                }
                assert container["resources"]["limits"]["memory"]
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        assert not any("hostPath" in volume for volume in pod.get("volumes", []))
    for account in all_of(helm.objects(case), "ServiceAccount"):
        assert account["automountServiceAccountToken"] is False


@pytest.mark.parametrize("case", CASES)
def test_the_exporter_takes_the_configuration_arguments_and_files(
    helm: Helm, case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = helm.objects(case)
    container = exporter(objects)
    variables = environment(container)
    ordinal = 2 if "--total-shards=3" in container["args"] else 0
    monkeypatch.setattr(socket, "gethostname", lambda: f"{workload(objects)['metadata']['name']}-{ordinal}")
    options = arguments.parse(container["args"], variables)
    assert options.command == "serve"
    assert options.web_listen_address == [f":{container['ports'][0]['containerPort']}"]
    assert (options.part.ordinal, options.part.total) == (ordinal, 3 if ordinal else 1)
    file = str(options.config_file[0])
    assert file == f"{FOLDER}/config/config.yaml"
    if case == "own-config":
        return
    (kept,) = [one for one in all_of(objects, "ConfigMap", "Secret") if one["metadata"]["name"] == "zerto-exporter"]
    (text,) = (kept.get("data") or kept["stringData"]).values()
    authority = trustme.CA()
    mounted = [mount["mountPath"] for mount in container["volumeMounts"]]
    for path in re.findall(rf"_file: ({FOLDER}/\S+)", text):
        assert Path(path).parent.as_posix() in mounted
        here = tmp_path / Path(path).relative_to(FOLDER)
        here.parent.mkdir(exist_ok=True)
        here.write_bytes(authority.cert_pem.bytes() if "/ca/" in path else b"pl4nted")
    here = tmp_path / "config.yaml"
    here.write_text(text.replace(FOLDER, str(tmp_path)))
    given = load_yaml((CHART / "ci" / f"{case}-values.yaml").read_text())[0]["config"]
    loaded = config.load(here, variables)
    assert [zvm.name for zvm in loaded.zvms] == [zvm["name"] for zvm in given["zvms"]]
    assert {zvm.max_series for zvm in loaded.zvms} == {given.get("defaults", {}).get("max_series")}


@pytest.mark.parametrize("case", CASES)
def test_selectors_and_ports_find_what_they_are_for(helm: Helm, case: str) -> None:
    objects = helm.objects(case)
    template = workload(objects)["spec"]["template"]
    labels = template["metadata"]["labels"].items()
    ports = {port["name"] for port in exporter(objects)["ports"]}
    others = [pod["metadata"]["labels"].items() for pod in all_of(objects, "Pod")]
    selecting = [one["spec"]["selector"] for one in all_of(objects, "Service")]
    of_pods = all_of(objects, "Deployment", "StatefulSet", "PodDisruptionBudget", "PodMonitor")
    selecting += [one["spec"]["selector"]["matchLabels"] for one in of_pods]
    selecting += [one["spec"]["podSelector"]["matchLabels"] for one in all_of(objects, "NetworkPolicy")]
    spread = template["spec"].get("topologySpreadConstraints", [])
    selecting += [constraint["labelSelector"]["matchLabels"] for constraint in spread]
    for selector in selecting:
        assert selector.items() <= labels
        assert not any(selector.items() <= other for other in others), "the test's own pod is selected too"
    services = all_of(objects, "Service")
    for service in services:
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    for monitor in all_of(objects, "ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        (found,) = [service for service in services if wanted <= service["metadata"]["labels"].items()]
        assert {end["port"] for end in monitor["spec"]["endpoints"]} <= {
            port["name"] for port in found["spec"]["ports"]
        }
    for monitor in all_of(objects, "PodMonitor"):
        assert {end["port"] for end in monitor["spec"]["podMetricsEndpoints"]} <= ports
    for ingress in all_of(objects, "Ingress"):
        backend = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
        (found,) = [service for service in services if service["metadata"]["name"] == backend["name"]]
        assert backend["port"]["name"] in {port["name"] for port in found["spec"]["ports"]}


def test_a_label_of_the_user_replaces_none_that_is_selected_by(helm: Helm) -> None:
    taken = '{"app.kubernetes.io/component": "mine", "team": "dr"}'
    objects = helm.objects("minimal", f"commonLabels={taken}", f"podLabels={taken}", f"service.labels={taken}")
    labels = workload(objects)["spec"]["template"]["metadata"]["labels"]
    (service,) = all_of(objects, "Service")
    for found in (labels, service["metadata"]["labels"]):
        assert found["app.kubernetes.io/component"] == "exporter"
        assert found["team"] == "dr"


@pytest.mark.parametrize("case", CASES)
def test_every_object_is_of_the_release(helm: Helm, case: str) -> None:
    for one in helm.objects(case):
        if one["metadata"]["name"] != "zerto-exporter-more":  # a user's own
            labels = one["metadata"]["labels"]
            assert labels["app.kubernetes.io/instance"] == "zerto-exporter"
            assert labels["helm.sh/chart"].startswith("zerto-exporter-")
            assert one["metadata"]["namespace"] in {"monitoring", "grafana"}


def test_shards_are_a_stateful_set_with_names_of_their_own(helm: Helm) -> None:
    objects = helm.objects("shards")
    stateful = workload(objects)
    assert stateful["kind"] == "StatefulSet"
    assert stateful["spec"]["replicas"] == 3
    assert "--total-shards=3" in exporter(objects)["args"]
    assert not [argument for argument in exporter(objects)["args"] if argument.startswith("--shard")]
    headless = stateful["spec"]["serviceName"]
    (service,) = [one for one in all_of(objects, "Service") if one["spec"].get("clusterIP") == "None"]
    assert service["metadata"]["name"] == headless
    pods_by_name = [f"{stateful['metadata']['name']}-{ordinal}.{headless}.monitoring.svc:9403" for ordinal in range(3)]
    asked = [sd["url"] for sd in helm.the("shards", "ScrapeConfig")["spec"]["httpSDConfigs"]]
    assert asked == [f"http://{pod}/api/v1/sd" for pod in pods_by_name]
    scrape = helm.the("shards", "ScrapeConfig")["spec"]
    assert named_by(scrape, "https://zerto-exporter-7.zerto-exporter-shards.x.svc:9403/api/v1/sd") == "zerto-exporter-7"


def test_each_replica_is_a_target_of_its_own_where_each_zvm_is_one(helm: Helm) -> None:
    """Behind the service, now this and now that one of them would answer for the same target."""
    replicas = ("replicas=2", "serviceMonitor.enabled=true", "scrapeConfig.enabled=true")
    objects = helm.objects("minimal", *replicas)
    stateful = workload(objects)
    assert (stateful["kind"], stateful["spec"]["replicas"]) == ("StatefulSet", 2)
    assert not [argument for argument in exporter(objects)["args"] if "shard" in argument]
    headless = stateful["spec"]["serviceName"]
    assert headless in {one["metadata"]["name"] for one in all_of(objects, "Service")}
    scrape = helm.the("minimal", "ScrapeConfig", *replicas)["spec"]
    urls = [sd["url"] for sd in scrape["httpSDConfigs"]]
    pods_by_name = [f"{stateful['metadata']['name']}-{ordinal}" for ordinal in range(2)]
    assert urls == [f"http://{pod}.{headless}.monitoring.svc:9403/api/v1/sd" for pod in pods_by_name]
    assert [named_by(scrape, url) for url in urls] == pods_by_name
    assert workload(helm.objects("minimal", "replicas=2"))["kind"] == "Deployment"
    alone = helm.the("minimal", "ScrapeConfig", *replicas[1:])["spec"]
    assert [sd["url"] for sd in alone["httpSDConfigs"]] == ["http://zerto-exporter.monitoring.svc:9403/api/v1/sd"]
    assert "relabelings" not in alone


def named_by(scrape: Object, url: str) -> str:
    """Return the label `pod` of a target that Prometheus was told of at *url*."""
    (to_pod,) = [one for one in scrape["relabelings"] if one["targetLabel"] == "pod"]
    assert to_pod["sourceLabels"] == ["__meta_url"]
    found = re.fullmatch(to_pod["regex"], url)
    assert found is not None
    return found[1]


def test_one_exporter_is_a_deployment_that_is_replaced_only_by_one_that_works(helm: Helm) -> None:
    spec = helm.the("minimal", "Deployment")["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert not [argument for argument in exporter(helm.objects("minimal"))["args"] if "shard" in argument]


def test_the_longest_name_leaves_room_for_what_kubernetes_adds(helm: Helm) -> None:
    objects = helm.objects("shards", f'fullnameOverride="{"x" * 80}"')
    assert len(workload(objects)["metadata"]["name"]) == 52
    assert all(len(one["metadata"]["name"]) <= 63 for one in objects)


def test_a_change_of_the_configuration_replaces_the_pods(helm: Helm) -> None:
    templates = [
        helm.the("minimal", "Deployment", *settings)["spec"]["template"]
        for settings in ((), ('config.zvms[0].interval="1m"',), ('annotations={"a": "b"}',))
    ]
    assert templates[0] != templates[1]
    assert templates[0] == templates[2]


def test_a_whole_folder_is_mounted_so_that_a_rotated_secret_arrives(helm: Helm) -> None:
    for case in CASES:
        assert not [mount for mount in exporter(helm.objects(case))["volumeMounts"] if "subPath" in mount]


def test_files_of_several_secrets_are_in_one_folder(helm: Helm) -> None:
    volumes = {one["name"]: one for one in workload(helm.objects("shards"))["spec"]["template"]["spec"]["volumes"]}
    secrets = [source["secret"]["name"] for source in volumes["secrets"]["projected"]["sources"]]
    assert secrets == ["zerto-exporter", "zerto-exporter-acme"]
    assert volumes["secrets"]["projected"]["defaultMode"] == 0o440


def http(scheme: str) -> tuple[Object, Object]:
    live, ready = ({"path": f"/-/{name}", "port": "metrics", "scheme": scheme} for name in ("healthy", "ready"))
    return {"httpGet": live}, {"httpGet": ready}


ASKS_ITSELF = {"exec": {"command": ["zerto-exporter", "healthcheck"]}}
TRIES_THE_PORT = {"tcpSocket": {"port": "metrics"}}


@pytest.mark.parametrize(
    ("case", "probes", "opened"),
    [
        ("minimal", http("HTTP"), False),
        ("shards", http("HTTP"), False),
        ("tls-and-users", http("HTTPS"), True),
        ("everything", http("HTTPS"), True),
        ("closed-probes", (ASKS_ITSELF, ASKS_ITSELF), False),
        ("client-certificates", (TRIES_THE_PORT, TRIES_THE_PORT), False),
    ],
)
def test_probes_ask_as_they_are_let_in(helm: Helm, case: str, probes: tuple[Object, Object], opened: bool) -> None:
    container = exporter(helm.objects(case))
    for name, asks in zip(("livenessProbe", "readinessProbe"), probes, strict=True):
        assert asks.items() <= container[name].items()
        assert len({"httpGet", "exec", "tcpSocket"} & container[name].keys()) == 1
    assert ("--web.open-probes" in container["args"]) is opened


def test_healthcheck_in_the_pod_knows_address_and_web_configuration(helm: Helm) -> None:
    container = exporter(helm.objects("closed-probes"))
    options = arguments.parse(ASKS_ITSELF["exec"]["command"][1:], environment(container))
    assert options.web_listen_address == [":9403"]
    assert str(options.web_config_file) == f"{FOLDER}/web/web.yml"
    assert f"{FOLDER}/web" in {mount["mountPath"] for mount in container["volumeMounts"]}


def test_the_test_pod_asks_the_service(helm: Helm) -> None:
    (container,) = helm.the("tls-and-users", "Pod")["spec"]["containers"]
    options = arguments.parse(container["args"], environment(container))
    assert options.command == "healthcheck"
    assert options.web_listen_address == ["zerto-exporter.monitoring.svc:9403"]
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {f"{FOLDER}/web"}
    assert all_of(helm.objects("client-certificates"), "Pod") == []


def test_network_policy_lets_in_prometheus_and_the_test_and_out_to_the_zvms(helm: Helm) -> None:
    spec = helm.the("network-policy", "NetworkPolicy")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    (inward,) = spec["ingress"]
    prometheus, test = inward["from"]
    assert prometheus["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "monitoring"}
    (pod,) = all_of(helm.objects("network-policy"), "Pod")
    assert test["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    names, zvms = spec["egress"]
    assert {port["port"] for port in names["ports"]} == {53}
    assert zvms == {"ports": [{"port": 443}], "to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}


def test_no_sample_comes_twice_where_each_zvm_is_a_target(helm: Helm) -> None:
    (end,) = helm.the("shards", "ServiceMonitor")["spec"]["endpoints"]
    assert end["params"] == {"collect[]": ["exporter"]}
    assert "params" not in helm.the("shards", "ScrapeConfig")["spec"]
    assert "metricRelabelings" not in helm.the("shards", "ScrapeConfig")["spec"]


@pytest.mark.parametrize(("folder", "sources"), COPIES.items(), ids=lambda path: getattr(path, "name", ""))
def test_copies_of_the_chart_are_those_of_the_repository(folder: Path, sources: list[Path]) -> None:
    assert sources
    copies = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert copies == {path.name: path.read_bytes() for path in sources}, "run: make chart"


def test_the_rules_are_those_of_the_repository(helm: Helm) -> None:
    rule = helm.the("everything", "PrometheusRule")
    assert rules_of(rule) == sources_of_rules()
    assert rule["metadata"]["namespace"] == "monitoring"


def test_an_alert_can_be_left_out(helm: Helm) -> None:
    left = rules_of(helm.the("everything", "PrometheusRule", 'prometheusRule.disabled=["ZertoZvmDown"]'))
    expected = {
        name: [rule for rule in rules if rule.get("alert") != "ZertoZvmDown"]
        for name, rules in sources_of_rules().items()
    }
    assert left == expected
    assert left != sources_of_rules()


def test_a_threshold_replaces_that_with_the_same_labels_or_is_added(helm: Helm) -> None:
    own: list[Object] = [
        {"record": "fleet:zerto_rpo_ratio:threshold", "expr": "vector(2)"},
        {"record": "fleet:zerto_rpo_ratio:threshold", "expr": "vector(3)", "labels": {"organization": "Acme"}},
    ]
    rules = rules_of(helm.the("everything", "PrometheusRule", f"prometheusRule.thresholds={json.dumps(own)}"))
    before = sources_of_rules()
    kept = [rule for rule in before["zerto-thresholds"] if rule["record"] != own[0]["record"]]
    assert len(kept) == len(before["zerto-thresholds"]) - 1
    assert rules["zerto-thresholds"] == [*kept, *own]
    assert {**rules, "zerto-thresholds": None} == {**before, "zerto-thresholds": None}


def test_every_alert_has_the_labels_of_the_user_and_keeps_its_own(helm: Helm) -> None:
    own = 'prometheusRule.additionalRuleLabels={"team": "dr", "severity": "none"}'
    expected = sources_of_rules()
    for rules in expected.values():
        for rule in rules:
            if "alert" in rule:
                rule["labels"]["team"] = "dr"
    assert rules_of(helm.the("everything", "PrometheusRule", own)) == expected


@pytest.mark.parametrize("kind", ["ServiceMonitor", "PodMonitor", "ScrapeConfig"])
def test_a_monitor_may_be_in_another_namespace_and_honor_labels(
    helm: Helm, operator: dict[str, Any], kind: str
) -> None:
    key = kind[0].lower() + kind[1:]
    needed = () if kind == "PodMonitor" else ("serviceMonitor.enabled=true",)
    plain, moved = (
        helm.the("minimal", kind, *needed, f"{key}.enabled=true", *more)
        for more in ((), (f'{key}.namespace="prometheus"', f"{key}.honorLabels=true"))
    )
    operator[kind].model_validate(moved, extra="forbid")
    assert plain["metadata"]["namespace"] == "monitoring"
    assert moved["metadata"]["namespace"] == "prometheus"
    assert "namespaceSelector" not in plain["spec"]
    (ends,) = [value for name, value in moved["spec"].items() if name.lower().endswith("endpoints")] or [
        [moved["spec"]]
    ]
    assert [end["honorLabels"] for end in ends] == [True]
    assert "honorLabels" not in json.dumps(plain)
    if kind == "ScrapeConfig":
        assert [sd["url"] for sd in moved["spec"]["httpSDConfigs"]] == [
            "http://zerto-exporter.monitoring.svc:9403/api/v1/sd"
        ]
    else:
        assert moved["spec"]["namespaceSelector"] == {"matchNames": ["monitoring"]}


def test_the_namespace_can_be_replaced_everywhere(helm: Helm) -> None:
    given = ('namespaceOverride="dr"', "extraObjects=[]", 'dashboards.namespace=""', 'prometheusRule.namespace=""')
    objects = helm.objects("everything", *given)
    assert {one["metadata"]["namespace"] for one in objects} == {"dr"}
    assert "monitoring.svc" not in json.dumps(objects)
    assert ".dr.svc" in json.dumps(objects)


def test_the_service_takes_what_kubernetes_does(helm: Helm) -> None:
    options = {
        "type": "LoadBalancer",
        "clusterIP": "10.0.0.9",
        "nodePort": 30403,
        "externalIPs": ["192.0.2.4"],
        "ipFamilies": ["IPv6", "IPv4"],
        "ipFamilyPolicy": "PreferDualStack",
        "loadBalancerClass": "example.com/inside",
        "loadBalancerIP": "192.0.2.5",
        "loadBalancerSourceRanges": ["192.0.2.0/24"],
        "externalTrafficPolicy": "Local",
        "internalTrafficPolicy": "Cluster",
    }
    settings = [f"service.{name}={json.dumps(value)}" for name, value in options.items()]
    service = helm.the("minimal", "Service", *settings)
    for version in KUBERNETES:
        kubernetes_validate.validate(service, version, strict=True)
    (port,) = service["spec"]["ports"]
    assert port.pop("nodePort") == options.pop("nodePort")
    assert {name: service["spec"][name] for name in options} == options
    assert service["spec"].keys() - options.keys() == {"selector", "ports"}
    headless = all_of(helm.objects("shards", *settings), "Service")[1]["spec"]
    assert headless["clusterIP"] == "None"
    assert headless.keys() == {
        "clusterIP",
        "ipFamilies",
        "ipFamilyPolicy",
        "publishNotReadyAddresses",
        "selector",
        "ports",
    }


@dataclass(frozen=True)
class Parent:
    """A chart that has ours as a dependency, which is on by a condition."""

    helm: Helm
    folder: Path

    def objects(self, *settings: str) -> list[Any]:
        options = [f"--set-json={setting}" for setting in settings]
        values = yaml.safe_load((CHART / "ci" / "minimal-values.yaml").read_text())
        (self.folder / "values.yaml").write_text(json.dumps({"zerto-exporter": {"enabled": True, **values}}))
        done = self.helm.run("template", "platform", str(self.folder), "--namespace=monitoring", *options)
        assert done.returncode == 0, done.stderr
        return load_yaml(done.stdout)


@pytest.fixture
def parent(helm: Helm, tmp_path: Path) -> Parent:
    shutil.copytree(CHART, tmp_path / "charts" / "zerto-exporter")
    of_ours = {"name": "zerto-exporter", "version": ">=0.0.0", "condition": "zerto-exporter.enabled"}
    about = {"apiVersion": "v2", "name": "platform", "version": "1.0.0", "dependencies": [of_ours]}
    (tmp_path / "Chart.yaml").write_text(json.dumps(about))
    (tmp_path / "templates").mkdir()
    mine = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}}
    (tmp_path / "templates" / "mine.yaml").write_text(json.dumps(mine))
    return Parent(helm, tmp_path)


def test_a_parent_chart_switches_this_one_on_and_off(parent: Parent) -> None:
    on = parent.objects()
    assert workload(on)["metadata"]["name"] == "platform-zerto-exporter"
    assert [one["metadata"]["name"] for one in parent.objects("zerto-exporter.enabled=false")] == ["mine"]


def test_a_parent_chart_hands_down_registry_and_pull_secrets(parent: Parent) -> None:
    both = (
        '{"imageRegistry": "registry.example.com", "imagePullSecrets": ["all", {"name": "ours"}], "storageClass": "x"}'
    )
    objects = parent.objects(f"global={both}", 'zerto-exporter.imagePullSecrets=[{"name": "ours"}, "more"]')
    seen = list(pods(objects))
    assert len(seen) == 2
    for pod in seen:
        assert pod["containers"][0]["image"] == f"registry.example.com/zerto-exporter/zerto-exporter:{__version__}"
        assert pod["imagePullSecrets"] == [{"name": "all"}, {"name": "ours"}, {"name": "more"}]
    for pod in pods(parent.objects()):
        assert pod["containers"][0]["image"].startswith("ghcr.io/")
        assert "imagePullSecrets" not in pod


def test_each_dashboard_is_a_config_map_for_the_sidecar(helm: Helm) -> None:
    maps = [one for one in all_of(helm.objects("everything"), "ConfigMap") if "dashboard" in one["metadata"]["name"]]
    held = {name: json.loads(text) for one in maps for name, text in one["data"].items()}
    assert held == {path.name: json.loads(path.read_text()) for path in DASHBOARDS.glob("*.json")}
    for one in maps:
        assert one["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert one["metadata"]["annotations"] == {"grafana_folder": "Zerto"}
        assert one["metadata"]["namespace"] == "grafana"
        assert len(json.dumps(one)) < 2**20, "etcd takes no more"


@pytest.mark.parametrize("path", ["config.zvms[0]", "config.defaults"])
@pytest.mark.parametrize("key", ["password", "client_secret"])
def test_a_secret_in_the_values_is_refused_and_not_quoted(helm: Helm, path: str, key: str) -> None:
    refused = helm.refusal("minimal", f'{path}.auth.{key}="pl4nted"')
    assert f"{path}.auth.{key}: a secret must not be in the values" in refused
    assert "pl4nted" not in refused


@pytest.mark.parametrize(
    ("case", "setting", "expected"),
    [
        ("minimal", "config.zvms=[]", "config.zvms: name at least one ZVM"),
        ("minimal", 'existingConfig="other"', "existingConfig, config: only one"),
        ("shards", "replicas=2", "replicas: with shards"),
        ("shards", "ingress.enabled=true", "ingress.enabled: with shards"),
        ("minimal", "web.tls=true", "web.existingSecret: missing"),
        ("client-certificates", "web.tls=false", "web.tls: there are no client certificates"),
        ("shards", "podMonitor.enabled=true", "only one of them"),
        ("minimal", "scrapeConfig.enabled=true", "enable serviceMonitor or podMonitor too"),
        ("everything", "ingress.hosts=[]", "ingress.hosts: name at least one"),
        ("everything", 'prometheusRule.disabled=["ZertoNoSuch"]', "there is no alert ZertoNoSuch"),
        ("minimal", "web.tlss=true", "'tlss' not allowed"),
        ("minimal", "config.zvms[0].intervall=1", "at '/config/zvms/0/intervall': got number, want object"),
        ("minimal", 'config.zvms[0].labels={"rack": 1000000}', "rack"),
    ],
)
def test_what_contradicts_itself_is_refused(helm: Helm, case: str, setting: str, expected: str) -> None:
    assert expected in helm.refusal(case, setting)


def test_notes_name_what_was_installed(helm: Helm, tmp_path: Path) -> None:
    """Helm 3 shows the notes only where there is a cluster: here they are rendered as an object would be."""
    chart = tmp_path / "chart"
    shutil.copytree(CHART, chart)
    templates = chart / "templates"
    (templates / "_notes.tpl").write_text('{{ define "notes" }}' + (templates / "NOTES.txt").read_text() + "{{ end }}")
    (templates / "notes.yaml").write_text('notes: {{ include "notes" . | quote }}')
    for case in ("minimal", "shards", "everything"):
        values = f"--values={CHART / 'ci' / f'{case}-values.yaml'}"
        only = "--show-only=templates/notes.yaml"
        done = helm.run("template", "zerto-exporter", str(chart), "--namespace=monitoring", values, only)
        notes = load_yaml(done.stdout)[0]["notes"]
        found = workload(helm.objects(case))
        name = f"{found['kind'].lower()}/{found['metadata']['name']}"
        assert f"kubectl -n monitoring rollout status {name}" in notes
        assert f"exec {name} -c zerto-exporter -- zerto-exporter check --connect" in notes
        scheme = "https" if case == "everything" else "http"
        assert f"{scheme}://localhost:9403/metrics" in notes
        assert "<no value>" not in notes
        assert "%!" not in notes


def test_the_package_holds_what_is_installed_and_nothing_else(helm: Helm, tmp_path: Path) -> None:
    done = helm.run("package", str(CHART), f"--destination={tmp_path}")
    assert done.returncode == 0, done.stderr
    (package,) = tmp_path.iterdir()
    with tarfile.open(package) as archive:
        names = {name.removeprefix("zerto-exporter/") for name in archive.getnames()}
    assert {"Chart.yaml", "values.yaml", "values.schema.json", "README.md", "templates/NOTES.txt"} <= names
    assert {name.partition("/")[2] for name in names if name.startswith("files/rules/")} == {
        f"rules/{path.name}" for path in RULES.glob("*.yml")
    }
    assert not [name for name in names if name.startswith("ci/")]
    assert package.stat().st_size < 512 * 1024, "Helm keeps the chart in a Secret, which takes 1 MiB at most"


def test_the_chart_is_of_this_version_and_its_icon_is_there() -> None:
    about = load_yaml((CHART / "Chart.yaml").read_text())[0]
    assert about["appVersion"] == __version__
    assert (ROOT / about["icon"].partition("/main/")[2]).is_file()


def test_the_table_of_values_is_that_of_the_values() -> None:
    assert README.read_text() == readme(), "run: make chart"


def definition(schema: Object) -> Object:
    name = schema.get("$ref", "").rpartition("/")[2]
    return dict(SCHEMA["definitions"][name]) if name else schema


def leaves(schema: Object, path: str = "") -> Iterator[str]:
    """Return the paths of the schema's keys that have no keys of their own."""
    for key, below in definition(schema).get("properties", {}).items():
        inner = definition(below)
        if "properties" in inner and key not in {"livenessProbe", "readinessProbe"}:
            yield from leaves(inner, f"{path}{key}.")
        else:
            yield f"{path}{key}"


def test_every_value_is_described_and_has_a_schema() -> None:
    of_schema = {path for path in leaves(SCHEMA) if not path.startswith("config.")} - {"enabled"}  # a parent's
    assert {value.path for value in described()} == of_schema | {"config"}


def test_the_schema_takes_the_values_as_they_are() -> None:
    values = load_yaml((CHART / "values.yaml").read_text())[0]
    jsonschema.validate(values, SCHEMA)


def examples() -> Iterator[Object]:
    """Return the values that the documents show, as far as they are values of the chart."""
    for document in (ROOT / "docs" / "kubernetes.md", CHART / "README.md"):
        for block in re.findall(r"^ *```yaml\n(.*?)```$", document.read_text(), flags=re.DOTALL | re.MULTILINE):
            for one in load_yaml(textwrap.dedent(block)):
                if one.keys() <= SCHEMA["properties"].keys():
                    yield one


def test_the_schema_takes_the_examples_of_the_documents() -> None:
    found = list(examples())
    assert len(found) >= 8
    for one in found:
        jsonschema.validate(one, SCHEMA)


def objects_of(schema: Any) -> Iterator[Object]:
    if isinstance(schema, dict):
        if "properties" in schema:
            yield schema
        for below in schema.values():
            yield from objects_of(below)


def test_the_schema_refuses_unknown_keys_everywhere() -> None:
    others = SCHEMA["properties"]["global"]  # what a parent chart tells all of its charts
    found = [one for one in objects_of(SCHEMA) if one is not others]
    assert len(found) > 20
    for one in found:
        # Of a ZVM, a key that is no other one is a collector's: its value must be a mapping of what it can be told.
        assert one["additionalProperties"] in (False, {"$ref": "#/definitions/options"}), one


def test_the_schema_knows_the_keys_of_the_configuration() -> None:
    def keys(schema: Object) -> set[str]:
        return set(definition(schema)["properties"])

    def fields(struct: type[msgspec.Struct]) -> set[str]:
        return {field.name for field in msgspec.structs.fields(struct)}

    whole, definitions = SCHEMA["properties"]["config"], SCHEMA["definitions"]
    assert keys(whole) == fields(Config) | {"defaults", "zvms_files"}
    assert keys(definitions["zvm"]) == fields(Zvm) - {"options"}
    assert keys(definitions["defaults"]) == fields(Zvm) - {"name", "url", "options"}
    assert keys(definitions["options"]) == fields(Options)
    for holder in ("zvm", "defaults"):
        assert definitions[holder]["additionalProperties"] == {"$ref": "#/definitions/options"}
    structs: dict[str, type[msgspec.Struct]]
    structs = {"auth": Auth, "tls": Tls, "metrics": Metrics}
    for name, struct in structs.items():
        for holder in ("zvm", "defaults"):
            assert keys(definitions[holder]["properties"][name]) == fields(struct)
