{{/* Names. Everything is <fullname> or <fullname>-<component>, at most 63 characters. */}}
{{- define "kibble.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "kibble.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains (include "kibble.name" .) .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "kibble.name" .) | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* Labels of a component: include "kibble.labels" (list . "edge"). */}}
{{- define "kibble.labels" -}}
{{- $root := index . 0 -}}
{{ include "kibble.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: kibble
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "kibble.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "kibble.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* An image: include "kibble.image" (list . .Values.image .Chart.AppVersion). */}}
{{- define "kibble.image" -}}
{{- $root := index . 0 -}}{{- $image := index . 1 -}}
{{- $repository := $image.repository -}}
{{- with $root.Values.global.imageRegistry }}{{ $repository = printf "%s/%s" . $repository }}{{ end -}}
{{- if $image.digest -}}
{{ printf "%s@%s" $repository $image.digest }}
{{- else -}}
{{ printf "%s:%s" $repository ($image.tag | default (index . 2)) }}
{{- end }}
{{- end }}

{{/* What every pod of ours may not do. */}}
{{- define "kibble.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "kibble.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Where pods go: include "kibble.placement" (list . "edge" .Values.edge). */}}
{{- define "kibble.placement" -}}
{{- $root := index . 0 -}}{{- $component := index . 1 -}}{{- $values := index . 2 -}}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations: {{- toYaml . | nindent 0 }}
{{- end }}
{{- with $values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.spread }}
topologySpreadConstraints:
{{- range . }}
- topologyKey: {{ . }}
  maxSkew: 1
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels: {{- include "kibble.selector" (list $root $component) | nindent 6 }}
{{- end }}
{{- end }}
{{- end }}

{{/*
Labels of our own pods: no namespace's label makes the injector, which they
have to come up before, touch them.
*/}}
{{- define "kibble.podLabels" -}}
{{ include "kibble.labels" . }}
kibble.dev/inject: disabled
{{- end }}

{{/* Objects of the cluster: two releases may have the same name in two namespaces. */}}
{{- define "kibble.clusterName" -}}
{{ printf "%s-%s" .Release.Namespace (include "kibble.fullname" .) }}
{{- end }}

{{/* The name under which proxies reach the control plane. */}}
{{- define "kibble.xdsHost" -}}
{{ include "kibble.fullname" . }}-xds.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}
{{- end }}

{{/* The name under which the API server calls the injector. */}}
{{- define "kibble.injectorHost" -}}
{{ include "kibble.fullname" . }}-injector.{{ .Release.Namespace }}.svc
{{- end }}

{{/* Namespaces that are read, as a list in JSON; empty: all. The release's own is always among them. */}}
{{- define "kibble.namespaces" -}}
{{- if .Values.namespaces -}}
{{ append .Values.namespaces .Release.Namespace | uniq | sortAlpha | toJson }}
{{- else -}}
[]
{{- end -}}
{{- end }}

{{/* Where Envoys say that they are ready: to whoever reaches the pod, by either family. */}}
{{- define "kibble.anyAddress" -}}
{{ ternary "[::]" "0.0.0.0" (has "IPv6" .Values.ipFamilies) }}
{{- end }}

{{/* Whether there is an injector: it takes rights in the whole cluster. Empty: no. */}}
{{- define "kibble.hasInjector" -}}
{{- if and .Values.injector.enabled (not .Values.namespaces) }}yes{{ end -}}
{{- end }}

{{/* Whether there are proxies on nodes. */}}
{{- define "kibble.hasNodes" -}}
{{- if or .Values.node.enabled (and .Values.demo.enabled (eq .Values.demo.topology "node")) }}yes{{ end -}}
{{- end }}

{{/* Classes of proxies that prove themselves by a certificate, as a list in JSON. */}}
{{- define "kibble.classes" -}}
{{- $classes := list -}}
{{- if .Values.edge.enabled }}{{ $classes = append $classes .Values.edge.proxyClass }}{{ end -}}
{{- if include "kibble.hasNodes" . }}{{ $classes = append $classes .Values.node.proxyClass }}{{ end -}}
{{ $classes | uniq | sortAlpha | toJson }}
{{- end }}

{{/*
Whether Routers and policies can be made. Only `helm install --dry-run=server`
says no, on a cluster that does not have our kinds yet: a real install makes
them first. Without a cluster (helm template) Helm answers for one that still
has apiextensions.k8s.io/v1beta1, which no cluster of today has.
*/}}
{{- define "kibble.hasKinds" -}}
{{- if or (.Capabilities.APIVersions.Has "kibble.dev/v1alpha1") (.Capabilities.APIVersions.Has "apiextensions.k8s.io/v1beta1") }}yes{{ end -}}
{{- end }}

{{/* Values that do not go together are said so before anything is made. */}}
{{- define "kibble.check" -}}
{{- if and .Values.demo.enabled (eq .Values.demo.topology "sidecar") (not (include "kibble.hasInjector" .)) }}
{{- fail "demo.topology sidecar needs the injector (injector.enabled, and no list of namespaces): set demo.topology=node" }}
{{- end }}
{{- if and .Values.demo.enabled (not .Values.edge.enabled) }}
{{- fail "the demo is asked at the edge: set edge.enabled=true" }}
{{- end }}
{{- if and (eq .Values.tls.source "existing") (include "kibble.hasInjector" .) (not .Values.tls.caBundle) }}
{{- fail "tls.source existing: tls.caBundle must say, in PEM, by whom the API server knows the injector; or set injector.enabled=false" }}
{{- end }}
{{- if eq .Values.edge.proxyClass .Values.node.proxyClass }}
{{- fail "edge.proxyClass and node.proxyClass are the same: proxies of one class get one configuration" }}
{{- end }}
{{- if and .Values.edge.router.tls (not .Values.edge.tlsPort) }}
{{- fail "edge.router.tls is set: say in edge.tlsPort where the edge listens for HTTPS, such as 8443" }}
{{- end }}
{{- if eq (int .Values.edge.tlsPort) (int .Values.edge.port) }}
{{- fail "edge.tlsPort and edge.port are the same: give HTTPS a port of its own" }}
{{- end }}
{{- if .Release.IsUpgrade }}
{{- include "kibble.checkUpgrade" . }}
{{- end }}
{{- end }}

{{/*
What runs is found by its names, and called at its ports, until its successor is
there. An API server would refuse some of this too, but when half of it is done.
*/}}
{{- define "kibble.checkUpgrade" -}}
{{- $root := . -}}
{{- range (lookup "apps/v1" "Deployment" .Release.Namespace "").items }}
{{- $labels := default dict .metadata.labels -}}
{{- if and (eq (get $labels "app.kubernetes.io/instance") $root.Release.Name) (eq (get $labels "app.kubernetes.io/component") "control-plane") (eq (get $labels "app.kubernetes.io/part-of") "kibble") }}
{{- if or (ne .metadata.name (include "kibble.fullname" $root)) (ne (get $labels "app.kubernetes.io/name") (include "kibble.name" $root)) }}
{{- fail (printf "nameOverride or fullnameOverride: the names of a release stay as they are; this one is named %s, of %s" .metadata.name (get $labels "app.kubernetes.io/name")) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and .Values.edge.enabled .Values.edge.router.create (include "kibble.hasKinds" .) }}
{{- with lookup "kibble.dev/v1alpha1" "Router" .Release.Namespace .Values.edge.router.name }}
{{- $tls := int (dig "spec" "tls" "port" 0 .) }}
{{- if or (ne (int .spec.port) (int $root.Values.edge.port)) (ne .spec.proxyClass $root.Values.edge.proxyClass) (and $tls $root.Values.edge.tlsPort (ne $tls (int $root.Values.edge.tlsPort))) }}
{{- fail (printf "edge.port, edge.tlsPort or edge.proxyClass: pods that run would cease to listen for Router %s at once; give edge.router.name another name too, and see docs/operations/upgrading.md" .metadata.name) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
