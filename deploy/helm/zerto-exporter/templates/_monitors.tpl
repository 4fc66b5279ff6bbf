{{/* What ServiceMonitor, PodMonitor and ScrapeConfig have in common: {root, values, monitor}. A monitor asks for the
exporter's own metrics alone where a ScrapeConfig brings the samples. */}}
{{- define "zerto-exporter.scrape" -}}
{{- if and .monitor .root.Values.scrapeConfig.enabled }}
params:
  collect[]: [exporter]
{{- end }}
{{- with .values.relabelings }}
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
