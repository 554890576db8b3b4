{{/*
The three processes differ in little: (dict "root" $ "component" "ingest" "main" "dist/…/main.js" "ports" … "env" … "strategy" …).
*/}}
{{- define "posthorn.deployment" -}}
{{- $root := .root }}
{{- $values := get $root.Values .component }}
{{- $selector := include "posthorn.selectorLabels" . }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "posthorn.fullname" $root }}-{{ .component }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "posthorn.labels" . | nindent 4 }}
spec:
  {{- if not (and $values.autoscaling $values.autoscaling.enabled) }}
  replicas: {{ $values.replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  strategy:
    type: RollingUpdate
    rollingUpdate:
      {{- toYaml .rollingUpdate | nindent 6 }}
  selector:
    matchLabels:
      {{- $selector | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "posthorn.labels" . | nindent 8 }}
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      annotations:
        # A pod reads its environment once: new values make new pods.
        checksum/config: {{ include "posthorn.config" . | sha256sum }}
        {{- if $root.Values.secret.create }}
        checksum/secret: {{ toYaml $root.Values.secret | sha256sum }}
        {{- end }}
        {{- with $values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      serviceAccountName: {{ include "posthorn.serviceAccountName" $root }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      {{- include "posthorn.pullSecrets" $root | nindent 6 }}
      securityContext:
        {{- include "posthorn.podSecurityContext" $root | nindent 8 }}
      terminationGracePeriodSeconds: {{ include "posthorn.graceSeconds" . }}
      {{- with $values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      containers:
        - name: {{ .component }}
          image: {{ include "posthorn.image" $root | quote }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          command: [node, {{ .main }}]
          securityContext:
            {{- include "posthorn.containerSecurityContext" $root | nindent 12 }}
          ports:
            {{- with .ports }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
            - { name: ops, containerPort: {{ include "posthorn.opsPort" . }}, protocol: TCP }
          envFrom:
            - configMapRef:
                name: {{ include "posthorn.fullname" $root }}-{{ .component }}
          env:
            {{- include "posthorn.secretEnv" (dict "root" $root "name" "DATABASE_URL" "key" "databaseUrl") | nindent 12 }}
            {{- include "posthorn.secretEnv" (dict "root" $root "name" "POSTHORN_SECRET_KEY" "key" "secretKey") | nindent 12 }}
            {{- with .secretEnv }}
            {{- . | nindent 12 }}
            {{- end }}
            - name: OPS_PORT
              value: {{ include "posthorn.opsPort" . | quote }}
            {{- with .env }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
            {{- with $values.extraEnv }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          # Posthorn listens once it is ready to work; until then only this probe counts.
          startupProbe:
            httpGet: { path: /health/live, port: ops }
            periodSeconds: 2
            timeoutSeconds: 2
            failureThreshold: 60
          livenessProbe:
            httpGet: { path: /health/live, port: ops }
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet: { path: /health/ready, port: ops }
            periodSeconds: 5
            timeoutSeconds: 3
            failureThreshold: 2
          {{- if $values.preStopSeconds }}
          lifecycle:
            preStop:
              exec:
                command: [sleep, {{ $values.preStopSeconds | int64 | toString | quote }}]
          {{- end }}
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          {{- with concat (.volumeMounts | default list) ($values.extraVolumeMounts | default list) }}
          volumeMounts:
            {{- toYaml . | nindent 12 }}
          {{- end }}
      {{- with concat (.volumes | default list) ($values.extraVolumes | default list) }}
      volumes:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- if $values.affinity }}
      affinity:
        {{- toYaml $values.affinity | nindent 8 }}
      {{- else if eq $values.antiAffinity "hard" }}
      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            - topologyKey: kubernetes.io/hostname
              labelSelector:
                matchLabels:
                  {{- $selector | nindent 18 }}
              # From Kubernetes 1.31: pods of the version being replaced do not count, or a rollout would wait for spare nodes.
              matchLabelKeys: [pod-template-hash]
      {{- else if eq $values.antiAffinity "soft" }}
      affinity:
        podAntiAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
            - weight: 100
              podAffinityTerm:
                topologyKey: kubernetes.io/hostname
                labelSelector:
                  matchLabels:
                    {{- $selector | nindent 20 }}
      {{- end }}
      topologySpreadConstraints:
        {{- range ($values.topologySpread | default (list (dict "maxSkew" 1 "topologyKey" "topology.kubernetes.io/zone" "whenUnsatisfiable" "ScheduleAnyway"))) }}
        - {{- toYaml (omit . "labelSelector") | nindent 10 }}
          labelSelector:
            matchLabels:
              {{- $selector | nindent 14 }}
        {{- end }}
      {{- with $values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end }}
