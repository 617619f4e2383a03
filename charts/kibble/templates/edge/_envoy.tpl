{{/*
The pod of an Envoy: include "kibble.envoyPod" (dict "root" . "component" "edge" "values" .Values.edge "ports" (list …)).
An init container writes the bootstrap, so that it is the one that this version of Kibble is tested with.
*/}}
{{- define "kibble.envoyPod" -}}
{{- $root := .root -}}{{- $values := .values -}}{{- $name := include "kibble.fullname" $root -}}
metadata:
  labels:
    {{- include "kibble.podLabels" (list $root .component) | nindent 4 }}
    kibble.dev/proxy-class: {{ $values.proxyClass }}
  annotations:
    {{- include "kibble.annotations" (dict "kubectl.kubernetes.io/default-container" "envoy" "given" $values.podAnnotations) | nindent 4 }}
spec:
  serviceAccountName: {{ $name }}-{{ .component }}
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: {{ add $values.drainSeconds 15 }}
  {{- with $root.Values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext: {{- include "kibble.podSecurity" $root | nindent 4 }}
  {{- with include "kibble.placement" (list $root .component $values) }}
  {{- . | nindent 2 }}
  {{- end }}
  initContainers:
  - name: bootstrap
    image: {{ include "kibble.image" (list $root $root.Values.image $root.Chart.AppVersion) }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    args:
    - bootstrap
    - --proxy-class={{ $values.proxyClass }}
    - --node-id=$(POD_NAME)
    - --namespace=$(POD_NAMESPACE)
    - --pod-ip=$(POD_IP)
    - --node-name=$(NODE_NAME)
    - --xds-address={{ include "kibble.xdsHost" $root }}:18000
    - --status-address={{ include "kibble.anyAddress" $root }}:9902
    - --memory-limit=$(MEMORY_LIMIT)
    - --tls-dir=/etc/kibble/tls
    - --output-dir=/etc/envoy
    env:
    {{- include "kibble.downwardEnv" $root | nindent 4 }}
    # Envoy refuses work before the kernel ends it.
    - {name: MEMORY_LIMIT, valueFrom: {resourceFieldRef: {containerName: envoy, resource: limits.memory, divisor: "1"}}}
    resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 64Mi}}
    securityContext: {{- include "kibble.containerSecurity" $root | nindent 6 }}
    volumeMounts:
    - {name: bootstrap, mountPath: /etc/envoy}
  containers:
  - name: envoy
    image: {{ include "kibble.image" (list $root $root.Values.envoyImage "") }}
    imagePullPolicy: {{ $root.Values.envoyImage.pullPolicy }}
    args:
    - -c
    - /etc/envoy/bootstrap.yaml
    - --concurrency
    - {{ $values.concurrency | toString | quote }}
    - --log-level
    - {{ $values.logLevel }}
    - --drain-time-s
    - {{ $values.drainSeconds | toString | quote }}
    - --drain-strategy
    - gradual
    - --disable-hot-restart
    env:
    {{- include "kibble.downwardEnv" $root | nindent 4 }}
    # Traces name the pod.
    - {name: OTEL_RESOURCE_ATTRIBUTES, value: "k8s.namespace.name=$(POD_NAMESPACE),k8s.pod.name=$(POD_NAME)"}
    ports:
    {{- range .ports }}
    - {{ toJson . }}
    {{- end }}
    - {name: kibble-status, containerPort: 9902, protocol: TCP}
    resources: {{- toYaml $values.resources | nindent 6 }}
    securityContext: {{- include "kibble.containerSecurity" $root | nindent 6 }}
    startupProbe:
      httpGet: {path: /ready, port: kibble-status}
      timeoutSeconds: 3
      periodSeconds: 1
      failureThreshold: 120
    readinessProbe:
      httpGet: {path: /ready, port: kibble-status}
      timeoutSeconds: 3
      periodSeconds: 3
    lifecycle:
      # So long it goes on serving, while the container "drain" has it ask clients to leave.
      preStop: {sleep: {seconds: {{ $values.drainSeconds }}}}
    volumeMounts:
    - {name: bootstrap, mountPath: /etc/envoy, readOnly: true}
    - {name: tls, mountPath: /etc/kibble/tls, readOnly: true}
  # Envoy's image has no shell, by which a hook could tell Envoy to drain.
  - name: drain
    image: {{ include "kibble.image" (list $root $root.Values.image $root.Chart.AppVersion) }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    args: [drain, --admin-address=127.0.0.1:9901]
    resources: {requests: {cpu: 1m, memory: 16Mi}, limits: {memory: 64Mi}}
    securityContext: {{- include "kibble.containerSecurity" $root | nindent 6 }}
  volumes:
  - name: bootstrap
    emptyDir: {medium: Memory, sizeLimit: 1Mi}
  - name: tls
    secret:
      secretName: {{ $name }}-class-{{ $values.proxyClass }}
      {{- include "kibble.tlsItems" $root | nindent 6 }}
{{- end }}

{{- define "kibble.downwardEnv" -}}
- {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
- {name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
- {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
- {name: NODE_NAME, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
{{- end }}

{{/* A pod waits until all three files are in its Secret. */}}
{{- define "kibble.tlsItems" -}}
items:
- {key: tls.crt, path: tls.crt}
- {key: tls.key, path: tls.key}
- {key: ca.crt, path: ca.crt}
{{- end }}

{{/* Annotations: our own, and those that were given, which win. */}}
{{- define "kibble.annotations" -}}
{{ toYaml (merge (deepCopy .given) (omit . "given")) }}
{{- end }}
