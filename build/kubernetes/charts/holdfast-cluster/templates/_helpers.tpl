{{- define "cluster.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* 40, as those of the other charts. */}}
{{- define "cluster.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "cluster.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "cluster.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* A label and a tag of an image have no `+`. */}}
{{- define "cluster.version" -}}
{{- .Chart.AppVersion | replace "+" "-" }}
{{- end }}

{{- define "cluster.selector" -}}
app.kubernetes.io/name: {{ include "cluster.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "cluster.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "-" | trunc 63 | trimSuffix "-" }}
{{ include "cluster.selector" . }}
app.kubernetes.io/component: cluster
app.kubernetes.io/part-of: holdfast
app.kubernetes.io/version: {{ include "cluster.version" . | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "cluster.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default (include "cluster.version" .) .Values.image.tag }}
{{- end }}
{{- end }}

{{/* The ClusterRole in a file, the one list of those rights: its rules. */}}
{{- define "cluster.rules" -}}
{{- range regexSplit "(?m)^---$" (.root.Files.Get .file) -1 }}
{{- $one := fromYaml . }}
{{- if eq (get $one "kind") "ClusterRole" }}
{{- toYaml $one.rules }}
{{- end }}
{{- end }}
{{- end }}
