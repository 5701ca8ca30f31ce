{{- define "hub.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* 40, as the hub takes names of its Service. */}}
{{- define "hub.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "hub.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "hub.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* A label and a tag of an image have no `+`. */}}
{{- define "hub.version" -}}
{{- .Chart.AppVersion | replace "+" "-" }}
{{- end }}

{{- define "hub.selector" -}}
app.kubernetes.io/name: {{ include "hub.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "hub.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "-" | trunc 63 | trimSuffix "-" }}
{{ include "hub.selector" . }}
app.kubernetes.io/component: hub
app.kubernetes.io/part-of: holdfast
app.kubernetes.io/version: {{ include "hub.version" . | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "hub.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default (include "hub.version" .) .Values.image.tag }}
{{- end }}
{{- end }}

{{- define "hub.url" -}}
{{- default (printf "https://%s.%s.svc:%v" (include "hub.fullname" .) .Release.Namespace .Values.service.port) .Values.url }}
{{- end }}

{{/* Documents of a kind in a file, files/hub-role.yaml where none is named, with the hub's rights: their rules. */}}
{{- define "hub.rules" -}}
{{- $kind := .kind }}
{{- range regexSplit "(?m)^---$" (.root.Files.Get (default "files/hub-role.yaml" .file)) -1 }}
{{- $one := fromYaml . }}
{{- if eq (get $one "kind") $kind }}
{{- toYaml $one.rules }}
{{- end }}
{{- end }}
{{- end }}

{{- define "hub.config" -}}
kubernetes: true
service: {{ include "hub.fullname" . }}
leaseSeconds: {{ .Values.leaseSeconds }}
listen: {{ printf "%s:8443" .Values.bind | quote }}
mqtt: {{ printf "%s:8883" .Values.bind | quote }}
url: {{ include "hub.url" . }}
{{- $service := printf "%s.%s.svc" (include "hub.fullname" .) .Release.Namespace }}
names:
  {{- concat (list $service) .Values.names | uniq | toYaml | nindent 2 }}
{{- with .Values.trustProxies }}
trustProxies:
  {{- toYaml . | nindent 2 }}
{{- end }}
cluster:
  name: {{ .Values.cluster.name }}
  network: {{ .Values.cluster.network }}
  {{- if .Values.cluster.nodeLabels }}
  nodeLabels: true
  {{- end }}
{{- with .Values.broker.public }}
brokerPublic: {{ . }}
{{- end }}
{{- if .Values.otlp.endpoint }}
otlp:
  endpoint: {{ .Values.otlp.endpoint }}
  {{- if .Values.otlp.headersSecret }}
  headersFile: /etc/holdfast-hub/otlp/headers
  {{- end }}
{{- end }}
log:
  level: {{ .Values.log.level }}
  format: {{ .Values.log.format }}
{{- end }}
