{{/* Name servers and the database: what every process needs. */}}
{{- define "posthorn.egressToDatabase" -}}
{{- $policy := .Values.networkPolicy -}}
- ports:
    - { port: 53, protocol: UDP }
    - { port: 53, protocol: TCP }
  {{- with $policy.dnsTo }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
- ports:
    - { port: {{ $policy.database.port }}, protocol: TCP }
  {{- with $policy.database.to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* The internet without its private ranges, then what ALLOWED_TARGETS lets through the target guard, then what was listed. */}}
{{- define "posthorn.egressToConsumers" -}}
{{- $delivery := .Values.networkPolicy.delivery -}}
{{- $config := include "posthorn.config" (dict "root" . "component" "dispatcher") | fromYaml -}}
- to:
    - ipBlock:
        cidr: 0.0.0.0/0
        {{- with $delivery.ipv4Except }}
        except:
          {{- toYaml . | nindent 10 }}
        {{- end }}
    - ipBlock:
        cidr: ::/0
        {{- with $delivery.ipv6Except }}
        except:
          {{- toYaml . | nindent 10 }}
        {{- end }}
    {{- range splitList "," ($config.ALLOWED_TARGETS | default "") }}
    {{- with trim . }}
    - ipBlock:
        cidr: {{ . }}
    {{- end }}
    {{- end }}
    {{- with $delivery.extraTo }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $delivery.ports }}
  ports:
    {{- range . }}
    - { port: {{ . }}, protocol: TCP }
    {{- end }}
  {{- end }}
{{- end }}
