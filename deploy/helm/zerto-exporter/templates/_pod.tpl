{{/* The pod of the Deployment and of the StatefulSet. */}}
{{- define "zerto-exporter.pod" -}}
{{- $v := .Values -}}
metadata:
  labels:
    {{- /* Without the chart's version: a new chart alone is no reason to replace a pod. */}}
    {{- $own := include "zerto-exporter.selector" . | fromYaml }}
    {{- $version := dict "app.kubernetes.io/version" (include "zerto-exporter.version" .) }}
    {{- toYaml (merge $own $version $v.podLabels $v.commonLabels) | nindent 4 }}
  annotations:
    kubectl.kubernetes.io/default-container: zerto-exporter
    {{- if not $v.existingConfig }}
    # A pod reads its configuration at its start: another configuration is another pod.
    checksum/config: {{ toYaml $v.config | sha256sum }}
    {{- end }}
    {{- with $v.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "zerto-exporter.serviceAccount" . }}
  automountServiceAccountToken: false
  # Kubernetes would set variables for each service of the namespace; none of them is for us.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ $v.terminationGracePeriodSeconds }}
  {{- with include "zerto-exporter.imagePullSecrets" . | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  securityContext:
    {{- toYaml $v.podSecurityContext | nindent 4 }}
  {{- with $v.initContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: zerto-exporter
      image: {{ include "zerto-exporter.image" . | quote }}
      imagePullPolicy: {{ $v.image.pullPolicy }}
      args:
        - serve
        - --log.level={{ $v.log.level }}
        - --log.format={{ $v.log.format }}
        {{- if gt (int $v.shards) 1 }}
        - --total-shards={{ $v.shards }}
        {{- end }}
        {{- if and $v.web.existingSecret $v.web.openProbes }}
        - --web.open-probes
        {{- end }}
        {{- with $v.extraArgs }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      env:
        # As variables, so that `kubectl exec ... -- zerto-exporter check` and `healthcheck` know them too.
        {{- include "zerto-exporter.env" . | nindent 8 }}
        {{- with $v.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with $v.extraEnvFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        - name: metrics
          containerPort: 9403
      livenessProbe:
        {{- include "zerto-exporter.probe" (dict "root" . "path" "/-/healthy") | nindent 8 }}
        {{- with $v.livenessProbe }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      readinessProbe:
        {{- include "zerto-exporter.probe" (dict "root" . "path" "/-/ready") | nindent 8 }}
        {{- with $v.readinessProbe }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      resources:
        {{- toYaml $v.resources | nindent 8 }}
      securityContext:
        {{- toYaml $v.securityContext | nindent 8 }}
      volumeMounts:
        # Whole folders: a file that is mounted by itself would keep its first content for ever.
        - name: config
          mountPath: /etc/zerto-exporter/config
          readOnly: true
        {{- if $v.existingSecret }}
        - name: secrets
          mountPath: /etc/zerto-exporter/secrets
          readOnly: true
        {{- end }}
        {{- if or $v.ca.existingConfigMap $v.ca.existingSecret }}
        - name: ca
          mountPath: /etc/zerto-exporter/ca
          readOnly: true
        {{- end }}
        {{- with include "zerto-exporter.webMount" . | trim }}
        {{- . | nindent 8 }}
        {{- end }}
        {{- with $v.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    {{- with $v.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    - name: config
      {{- $name := $v.existingConfig | default (include "zerto-exporter.fullname" .) }}
      {{- if eq $v.configKind "Secret" }}
      secret:
        secretName: {{ $name }}
        defaultMode: 0440
      {{- else }}
      configMap:
        name: {{ $name }}
      {{- end }}
    {{- if $v.existingSecret }}
    - name: secrets
      projected:
        defaultMode: 0440
        sources:
          {{- range kindIs "slice" $v.existingSecret | ternary $v.existingSecret (list $v.existingSecret) }}
          - secret:
              name: {{ . }}
          {{- end }}
    {{- end }}
    {{- if or $v.ca.existingConfigMap $v.ca.existingSecret }}
    - name: ca
      projected:
        defaultMode: 0440
        sources:
          {{- with $v.ca.existingConfigMap }}
          - configMap:
              name: {{ . }}
          {{- end }}
          {{- with $v.ca.existingSecret }}
          - secret:
              name: {{ . }}
          {{- end }}
    {{- end }}
    {{- with include "zerto-exporter.webVolume" . | trim }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- with $v.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $v.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $v.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $v.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $v.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $v.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- $ours := dict "labelSelector" (dict "matchLabels" (include "zerto-exporter.selector" $ | fromYaml)) }}
    {{- range . }}
    - {{- toYaml (merge (deepCopy .) (hasKey . "labelSelector" | ternary dict $ours)) | nindent 6 }}
    {{- end }}
  {{- end }}
  {{- with $v.hostAliases }}
  hostAliases:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $v.dnsConfig }}
  dnsConfig:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "zerto-exporter.env" -}}
- name: ZERTO_EXPORTER_CONFIG_FILE
  value: /etc/zerto-exporter/config/config.yaml
- name: ZERTO_EXPORTER_WEB_LISTEN_ADDRESS
  value: ":9403"
{{- if .Values.web.existingSecret }}
- name: ZERTO_EXPORTER_WEB_CONFIG_FILE
  value: /etc/zerto-exporter/web/{{ .Values.web.configKey }}
{{- end }}
{{- end }}

{{- define "zerto-exporter.webMount" -}}
{{- if .Values.web.existingSecret }}
- name: web
  mountPath: /etc/zerto-exporter/web
  readOnly: true
{{- end }}
{{- end }}

{{- define "zerto-exporter.webVolume" -}}
{{- if .Values.web.existingSecret }}
- name: web
  projected:
    defaultMode: 0440
    sources:
      - secret:
          name: {{ .Values.web.existingSecret }}
      {{- with .Values.web.tlsSecret }}
      - secret:
          name: {{ . }}
      {{- end }}
{{- end }}
{{- end }}

{{/* A kubelet has neither password nor certificate. Where the probes are closed to it, the pod asks itself; who comes
without a certificate where one is required is not even told that the exporter is alive, so there only the port is tried. */}}
{{- define "zerto-exporter.probe" -}}
{{- $web := .root.Values.web }}
{{- if or (not $web.existingSecret) $web.openProbes -}}
httpGet:
  path: {{ .path }}
  port: metrics
  scheme: {{ include "zerto-exporter.scheme" .root | upper }}
{{- else if $web.clientCertificates -}}
tcpSocket:
  port: metrics
{{- else -}}
exec:
  command: [zerto-exporter, healthcheck]
{{- end }}
{{- end }}
