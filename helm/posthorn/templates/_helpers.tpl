{{- define "posthorn.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* Short enough that every suffix this chart adds stays within 63 characters. */}}
{{- define "posthorn.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- $name := include "posthorn.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{/* (dict "root" $ "component" "ingest"): what selectors match; never changes between versions. */}}
{{- define "posthorn.selectorLabels" -}}
app.kubernetes.io/name: {{ include "posthorn.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "posthorn.labels" -}}
{{ include "posthorn.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: posthorn
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "posthorn.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end }}
{{- end }}
{{- end }}

{{- define "posthorn.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "posthorn.fullname" .) }}
{{- else }}
{{- .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{- define "posthorn.secretName" -}}
{{- if and .Values.secret.existingSecret .Values.secret.create }}
{{- fail "secret.existingSecret and secret.create exclude each other: set one" }}
{{- else if .Values.secret.create }}
{{- include "posthorn.fullname" . }}
{{- else }}
{{- required "set secret.existingSecret to the name of a Secret with the keys databaseUrl and secretKey (and adminKey), or secret.create=true for a trial" .Values.secret.existingSecret }}
{{- end }}
{{- end }}

{{/* (dict "root" $ "component" "ingest"): the port of health and metrics, as docs/configuration.md has it. */}}
{{- define "posthorn.opsPort" -}}
{{- get (dict "ingest" "9090" "dispatcher" "9091" "scheduler" "9092") .component }}
{{- end }}

{{/* (dict "root" $ "component" "ingest"): the environment as YAML; numbers stay whole (1048576, not 1.048576e+06). */}}
{{- define "posthorn.config" -}}
{{- $own := (get .root.Values .component).config | default dict }}
{{- $all := mergeOverwrite (deepCopy (.root.Values.config | default dict)) (deepCopy $own) }}
{{- range $name, $value := $all }}
{{- if not (kindIs "invalid" $value) }}
{{ $name }}: {{ if or (kindIs "float64" $value) (kindIs "int64" $value) (kindIs "int" $value) }}{{ $value | int64 | toString | quote }}{{ else }}{{ $value | toString | quote }}{{ end }}
{{- end }}
{{- end }}
{{- end }}

{{/* (dict "root" $ "component" "ingest"): seconds from the request to stop until the kubelet kills. */}}
{{- define "posthorn.graceSeconds" -}}
{{- $config := include "posthorn.config" . | fromYaml }}
{{- $shutdownMs := int64 ($config.SHUTDOWN_TIMEOUT_MS | default 25000) }}
{{- $preStop := int64 ((get .root.Values .component).preStopSeconds | default 0) }}
{{- add (div (add $shutdownMs 999) 1000) 10 $preStop }}
{{- end }}

{{- define "posthorn.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "posthorn.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
privileged: false
capabilities:
  drop: [ALL]
{{- end }}

{{/* (dict "root" $ "name" "DATABASE_URL" "key" "databaseUrl" "optional" false): one variable from the Secret. */}}
{{- define "posthorn.secretEnv" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ include "posthorn.secretName" .root }}
      key: {{ .key }}
      {{- if .optional }}
      optional: true
      {{- end }}
{{- end }}

{{- define "posthorn.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}
