{{/* A name of 52 characters leaves the StatefulSet's controller room for its own suffixes. */}}
{{- define "zerto-exporter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "zerto-exporter.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) }}
{{- default $full .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "zerto-exporter.namespace" -}}
{{ .Values.namespaceOverride | default .Release.Namespace }}
{{- end }}

{{/* "true" where each pod has a name of its own: shards, and replicas of which each is to be a target. */}}
{{- define "zerto-exporter.stateful" -}}
{{- if or (gt (int .Values.shards) 1) (and .Values.scrapeConfig.enabled (gt (int .Values.replicas) 1)) }}true{{ end }}
{{- end }}

{{- define "zerto-exporter.headless" -}}
{{ include "zerto-exporter.fullname" . }}-{{ gt (int .Values.shards) 1 | ternary "shards" "replicas" }}
{{- end }}

{{- define "zerto-exporter.selector" -}}
app.kubernetes.io/name: {{ include "zerto-exporter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: exporter
{{- end }}

{{/* The metadata of one object: {root, name, namespace, labels, annotations}, the last three optional. */}}
{{- define "zerto-exporter.metadata" -}}
{{- $own := dict
  "app.kubernetes.io/name" (include "zerto-exporter.name" .root)
  "app.kubernetes.io/instance" .root.Release.Name
  "app.kubernetes.io/version" (include "zerto-exporter.version" .root)
  "app.kubernetes.io/managed-by" .root.Release.Service
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
}}
{{- $namespace := .namespace | default (include "zerto-exporter.namespace" .root) -}}
name: {{ .name }}
namespace: {{ $namespace }}
labels:
  {{- toYaml (merge $own (.labels | default dict) .root.Values.commonLabels) | nindent 2 }}
{{- with .annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "zerto-exporter.version" -}}
{{ .Chart.AppVersion | replace "+" "_" }}
{{- end }}

{{- define "zerto-exporter.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "zerto-exporter.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "zerto-exporter.image" -}}
{{- $registry := (.Values.global).imageRegistry | default .Values.image.registry }}
{{- $path := list $registry .Values.image.repository | compact | join "/" }}
{{- with .Values.image.digest }}
{{- printf "%s@%s" $path . }}
{{- else }}
{{- printf "%s:%s" $path (.Values.image.tag | default .Chart.AppVersion) }}
{{- end }}
{{- end }}

{{/* A parent chart may give the names alone. */}}
{{- define "zerto-exporter.imagePullSecrets" -}}
{{- $secrets := list }}
{{- range concat ((.Values.global).imagePullSecrets | default list) .Values.imagePullSecrets }}
{{- $secrets = append $secrets (kindIs "string" . | ternary (dict "name" .) .) }}
{{- end }}
{{- with $secrets | uniq }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "zerto-exporter.scheme" -}}
{{ .Values.web.tls | ternary "https" "http" }}
{{- end }}

{{/* What no schema can say: values that contradict each other. */}}
{{- define "zerto-exporter.refuse" -}}
{{- $v := .Values }}
{{- if and (not $v.existingConfig) (not $v.config.zvms) (not $v.config.zvms_files) }}
{{- fail "config.zvms: name at least one ZVM, or set config.zvms_files or existingConfig; an example is above config in values.yaml" }}
{{- end }}
{{- if and $v.existingConfig (or $v.config.zvms $v.config.zvms_files) }}
{{- fail "existingConfig, config: only one of them can be the configuration" }}
{{- end }}
{{- if and (gt (int $v.shards) 1) (gt (int $v.replicas) 1) }}
{{- fail "replicas: with shards each ZVM is polled by one pod; leave replicas at 1" }}
{{- end }}
{{- if and (gt (int $v.shards) 1) $v.ingress.enabled }}
{{- fail "ingress.enabled: with shards it would show one of them by chance; forward a port to the pod that you want to see" }}
{{- end }}
{{- if and $v.ingress.enabled (not $v.ingress.hosts) }}
{{- fail "ingress.hosts: name at least one" }}
{{- end }}
{{- if and (not $v.web.existingSecret) (or $v.web.tlsSecret $v.web.tls $v.web.clientCertificates) }}
{{- fail "web.existingSecret: missing; the web configuration in it is what turns TLS on" }}
{{- end }}
{{- if and $v.web.clientCertificates (not $v.web.tls) }}
{{- fail "web.tls: there are no client certificates without TLS; set it to true" }}
{{- end }}
{{- if and $v.serviceMonitor.enabled $v.podMonitor.enabled }}
{{- fail "serviceMonitor.enabled, podMonitor.enabled: only one of them, or each sample is there twice" }}
{{- end }}
{{- if and $v.scrapeConfig.enabled (not $v.serviceMonitor.enabled) (not $v.podMonitor.enabled) }}
{{- fail "scrapeConfig.enabled: it leaves out the exporter's own metrics; enable serviceMonitor or podMonitor too" }}
{{- end }}
{{- include "zerto-exporter.refuseSecret" (dict "path" "config.defaults" "auth" (dig "defaults" "auth" dict $v.config)) }}
{{- range $index, $zvm := $v.config.zvms }}
{{- include "zerto-exporter.refuseSecret" (dict "path" (printf "config.zvms[%d]" $index) "auth" ($zvm.auth | default dict)) }}
{{- end }}
{{- end }}

{{/* Values end up in a ConfigMap, in Helm's own records and in Git. A schema would quote the secret that it refuses. */}}
{{- define "zerto-exporter.refuseSecret" -}}
{{- $path := .path }}
{{- range $key, $value := pick .auth "password" "client_secret" }}
{{- if not (regexMatch "^\\$\\{[A-Za-z_][A-Za-z0-9_]*\\}$" $value) }}
{{- fail (printf "%s.auth.%s: a secret must not be in the values; name a file of existingSecret in %s_file, or a variable of extraEnv as ${NAME}" $path $key $key) }}
{{- end }}
{{- end }}
{{- end }}
