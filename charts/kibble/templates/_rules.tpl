{{/*
What the control plane may do: the rules of discovery.Rights, status.Rules and
tokenreview.Rules; a test compares them.
*/}}
{{- define "kibble.rules" -}}
- apiGroups: [""]
  resources: [services]
  verbs: [list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
- apiGroups: [kibble.dev]
  resources: [routers, dtabs, dogfoodpolicies]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [namespaces]
  verbs: {{ ternary (list "get") (list "list" "watch") (not (empty .Values.namespaces)) | toJson }}
{{- if not .Values.namespaces }}
# Whether the kinds are being deleted.
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions]
  verbs: [get]
  resourceNames: [routers.kibble.dev, dtabs.kibble.dev, dogfoodpolicies.kibble.dev]
{{- end }}
{{- with include "kibble.readSecrets" . | fromJsonArray }}
- apiGroups: [""]
  resources: [secrets]
  verbs: [list, watch]
  {{- if not (has "*" .) }}
  resourceNames: {{ toJson . }}
  {{- end }}
{{- end }}
{{- if .Values.rbac.podLabels }}
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
{{- end }}
{{- if .Values.rbac.ingresses }}
- apiGroups: [networking.k8s.io]
  resources: {{ ternary (list "ingresses") (list "ingresses" "ingressclasses") (not (empty .Values.namespaces)) | toJson }}
  verbs: [list, watch]
# Where clients reach them.
- apiGroups: [networking.k8s.io]
  resources: [ingresses/status]
  verbs: [patch]
{{- end }}
# What became of our objects.
- apiGroups: [kibble.dev]
  resources: [routers, dtabs, dogfoodpolicies]
  verbs: [get]
- apiGroups: [kibble.dev]
  resources: [routers/status, dtabs/status, dogfoodpolicies/status]
  verbs: [update]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- if include "kibble.hasInjector" . }}
# Whose token a sidecar shows, and where its pod is.
- apiGroups: [authentication.k8s.io]
  resources: [tokenreviews]
  verbs: [create]
- apiGroups: [""]
  resources: [pods]
  verbs: [get]
{{- end }}
{{- end }}

{{/* Secrets that may be read, as a list in JSON: those that were named, and those of the edge's own Router. */}}
{{- define "kibble.readSecrets" -}}
{{- $names := .Values.rbac.secrets -}}
{{- if and .Values.edge.enabled .Values.edge.tlsPort .Values.edge.router.create -}}
{{- with .Values.edge.router.tls.secretName }}{{ $names = append $names . }}{{ end -}}
{{- range .Values.edge.router.tls.certificates }}{{ $names = append $names .secretName }}{{ end -}}
{{- end -}}
{{ toJson (uniq $names) }}
{{- end }}
