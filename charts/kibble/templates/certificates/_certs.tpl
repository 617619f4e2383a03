{{/* Secrets that `kibble certs` writes, as a list in JSON. */}}
{{- define "kibble.secrets" -}}
{{- $name := include "kibble.fullname" . -}}
{{- $secrets := list (printf "%s-ca" $name) (printf "%s-server" $name) -}}
{{- range include "kibble.classes" . | fromJsonArray }}{{ $secrets = append $secrets (printf "%s-class-%s" $name .) }}{{ end -}}
{{ toJson $secrets }}
{{- end }}

{{/* Names that the server's certificate is for, as a list in JSON. */}}
{{- define "kibble.serverNames" -}}
{{- $short := printf "%s-xds.%s.svc" (include "kibble.fullname" .) .Release.Namespace -}}
{{- $names := list (include "kibble.xdsHost" .) $short -}}
{{- if include "kibble.hasInjector" . }}{{ $names = append $names (include "kibble.injectorHost" .) }}{{ end -}}
{{ toJson $names }}
{{- end }}

{{/* The pod that makes certificates, and renews those that have little life left. */}}
{{- define "kibble.certsPod" -}}
{{- $name := include "kibble.fullname" . -}}
metadata:
  labels: {{- include "kibble.podLabels" (list . "certificates") | nindent 4 }}
spec:
  restartPolicy: OnFailure
  serviceAccountName: {{ $name }}-certs
  automountServiceAccountToken: true
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext: {{- include "kibble.podSecurity" . | nindent 4 }}
  {{- with include "kibble.placement" (list . "certificates" (omit .Values.controlPlane "spread" "affinity")) }}
  {{- . | nindent 2 }}
  {{- end }}
  containers:
  - name: certs
    image: {{ include "kibble.image" (list . .Values.image .Chart.AppVersion) }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    args:
    - certs
    - --dir=/work
    - --secrets={{ .Release.Namespace }}/{{ $name }}
    {{- range include "kibble.serverNames" . | fromJsonArray }}
    - --server-name={{ . }}
    {{- end }}
    {{- range include "kibble.classes" . | fromJsonArray }}
    - --proxy-class={{ . }}
    {{- end }}
    - --life={{ mul .Values.tls.days 24 }}h
    {{- if include "kibble.hasInjector" . }}
    - --webhook={{ include "kibble.clusterName" . }}
    {{- end }}
    resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 128Mi}}
    securityContext: {{- include "kibble.containerSecurity" . | nindent 6 }}
    volumeMounts:
    - {name: work, mountPath: /work}
  volumes:
  - name: work
    emptyDir: {medium: Memory, sizeLimit: 4Mi}
{{- end }}
