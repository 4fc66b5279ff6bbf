{{/* What ServiceMonitor, PodMonitor and ScrapeConfig have in common: {root, values, monitor}. A monitor leaves out the
samples that a ScrapeConfig brings. */}}
{{- define "zerto-exporter.scrape" -}}
{{- $relabelings := .values.metricRelabelings }}
{{- if and .monitor .root.Values.scrapeConfig.enabled }}
{{- $drop := dict "sourceLabels" (list "__name__") "regex" "zerto_(vm|vpg|up|collector)(_.+)?" "action" "drop" }}
{{- $relabelings = prepend $relabelings $drop }}
{{- end }}
{{- with .values.relabelings }}
relabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $relabelings }}
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
