{{/* What ServiceMonitor, PodMonitor and ScrapeConfig have in common: {root, values, monitor}. A monitor asks for the
exporter's own metrics alone where a ScrapeConfig brings the samples, which names the pod that tells them where pods have names. */}}
{{- define "zerto-exporter.scrape" -}}
{{- if and .monitor .root.Values.scrapeConfig.enabled }}
params:
  collect[]: [exporter]
{{- end }}
{{- if .values.honorLabels }}
honorLabels: true
{{- end }}
{{- $pods := list }}
{{- if and (not .monitor) (include "zerto-exporter.stateful" .root) }}
{{- $pods = list (dict "sourceLabels" (list "__meta_url") "regex" "https?://([^.]+)[.].*" "targetLabel" "pod") }}
{{- end }}
{{- with concat $pods .values.relabelings }}
relabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "zerto-exporter.login" .values | trim }}
{{ . }}
{{- end }}
{{- end }}

{{- define "zerto-exporter.login" -}}
{{- with .tlsConfig }}
tlsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .basicAuth }}
basicAuth:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
