{{- define "ttp.name" -}}
{{- if contains "ttp-parquet-consumer" .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-ttp-parquet-consumer" .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "ttp.selector" -}}
app.kubernetes.io/name: ttp-parquet-consumer
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "ttp.labels" -}}
app.kubernetes.io/name: ttp-parquet-consumer
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* The program's own rule: 192 MiB for one stream, else 96 MiB and 64 MiB for each. */}}
{{- define "ttp.memoryLimitMiB" -}}
{{- if eq (int .) 1 -}}192{{- else -}}{{ add 96 (mul 64 (int .)) }}{{- end -}}
{{- end -}}

{{/* A pod. root: the chart's; component; workload: its values; volume: staging or data; job: true of a Job. */}}
{{- define "ttp.pod" -}}
{{- $values := .root.Values -}}
{{- $stages := eq .volume "staging" -}}
{{- $limit := include "ttp.memoryLimitMiB" .workload.streams | int -}}
metadata:
  labels:
    {{- include "ttp.selector" . | nindent 4 }}
  annotations:
    checksum/config: {{ toJson $values.config | sha256sum }}
spec:
  {{- if .job }}
  restartPolicy: Never
  {{- end }}
  serviceAccountName: {{ include "ttp.name" .root }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      type: RuntimeDefault
  {{- with $values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if $stages }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "ttp.selector" . | nindent 10 }}
  {{- end }}
  containers:
    - name: parquet-consumer
      image: "{{ $values.image.repository }}:{{ $values.image.tag | default .root.Chart.AppVersion }}"
      imagePullPolicy: {{ $values.image.pullPolicy }}
      args: ["run", "--config", "/etc/ttp-parquet-consumer/config.json"]
      env:
        - name: PARQUET_CONSUMER_START_LEDGER
          value: {{ .workload.startLedger | int64 | quote }}
        {{- if .job }}
        - name: PARQUET_CONSUMER_END_LEDGER
          value: {{ .workload.endLedger | int64 | quote }}
        {{- end }}
        - name: PARQUET_CONSUMER_STREAMS
          value: {{ .workload.streams | int | quote }}
        - name: PARQUET_CONSUMER_MEMORY_LIMIT
          value: {{ $limit }}MiB
        {{- if $stages }}
        {{- with $values.secrets.postgres }}
        - name: PGPASSWORD
          valueFrom:
            secretKeyRef:
              name: {{ . }}
              key: password
        {{- end }}
        {{- with $values.secrets.s3 }}
        - name: AWS_ACCESS_KEY_ID
          valueFrom:
            secretKeyRef:
              name: {{ . }}
              key: access-key-id
        - name: AWS_SECRET_ACCESS_KEY
          valueFrom:
            secretKeyRef:
              name: {{ . }}
              key: secret-access-key
        {{- end }}
        {{- end }}
      ports:
        - name: health
          containerPort: {{ $values.config.monitoring.health_port }}
        - name: metrics
          containerPort: {{ $values.config.monitoring.metrics_port }}
      livenessProbe:
        httpGet:
          path: /live
          port: health
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      {{- if not .job }}
      readinessProbe:
        httpGet:
          path: /ready
          port: health
        periodSeconds: 10
        timeoutSeconds: 5
      {{- end }}
      resources:
        requests:
          cpu: {{ .workload.cpu }}
          memory: {{ add $limit 64 }}Mi
          ephemeral-storage: {{ if $stages }}1Gi{{ else }}100Mi{{ end }}
        limits:
          memory: {{ add $limit 64 }}Mi
          ephemeral-storage: {{ if $stages }}{{ add .workload.stagingGiB 1 }}Gi{{ else }}500Mi{{ end }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: ["ALL"]
      volumeMounts:
        - name: config
          mountPath: /etc/ttp-parquet-consumer
          readOnly: true
        - name: {{ .volume }}
          mountPath: /{{ .volume }}
        - name: tmp
          mountPath: /tmp
  volumes:
    - name: config
      configMap:
        name: {{ include "ttp.name" .root }}
    {{- if $stages }}
    - name: staging
      emptyDir:
        sizeLimit: {{ .workload.stagingGiB }}Gi
    {{- end }}
    - name: tmp
      emptyDir:
        sizeLimit: 64Mi
{{- end -}}
