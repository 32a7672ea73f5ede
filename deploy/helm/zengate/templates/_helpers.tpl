{{- define "zengate.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "zengate.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "zengate.labels" -}}
{{ include "zengate.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* How many, and the one refusal that the schema cannot say well. */}}
{{- define "zengate.replicas" -}}
{{- if eq .Values.store "sqlite" }}
{{- if and .Values.replicas (gt (int .Values.replicas) 1) }}
{{- fail (printf "store is sqlite, which is a file of one gateway, but replicas is %d: leave replicas out, or set store to postgres" (int .Values.replicas)) }}
{{- end }}1
{{- else }}{{ .Values.replicas | default 2 }}
{{- end }}
{{- end }}

{{- define "zengate.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
