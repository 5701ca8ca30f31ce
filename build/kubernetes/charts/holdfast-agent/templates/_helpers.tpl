{{- define "agent.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "agent.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "agent.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "agent.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* A label and a tag of an image have no `+`. */}}
{{- define "agent.version" -}}
{{- .Chart.AppVersion | replace "+" "-" }}
{{- end }}

{{- define "agent.selector" -}}
app.kubernetes.io/name: {{ include "agent.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "agent.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "-" | trunc 63 | trimSuffix "-" }}
{{ include "agent.selector" . }}
app.kubernetes.io/component: agent
app.kubernetes.io/part-of: holdfast
app.kubernetes.io/version: {{ include "agent.version" . | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "agent.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default (include "agent.version" .) .Values.image.tag }}
{{- end }}
{{- end }}

{{/* Documents of a kind in files/agent-role.yaml, the one list of the agent's rights: their rules. */}}
{{- define "agent.rules" -}}
{{- $kind := .kind }}
{{- range regexSplit "(?m)^---$" (.root.Files.Get "files/agent-role.yaml") -1 }}
{{- $one := fromYaml . }}
{{- if eq (get $one "kind") $kind }}
{{- toYaml $one.rules }}
{{- end }}
{{- end }}
{{- end }}

{{- define "agent.config" -}}
{{- $own := dict "logLevel" .Values.log.level "logFormat" .Values.log.format "setClock" .Values.setClock }}
{{- mergeOverwrite $own .Values.settings | toYaml }}
{{- end }}
