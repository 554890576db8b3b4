# syntax=docker/dockerfile:1

# One image, four commands: the three processes and the migration (see the end of this file).
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS deps
WORKDIR /src
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --no-audit --no-fund

# One run of the Nest compiler builds every app and library into dist/.
FROM deps AS build
COPY nest-cli.json tsconfig.json tsconfig.build.json ./
COPY libs ./libs
COPY apps ./apps
RUN node node_modules/@nestjs/cli/bin/nest.js build ingest-api \
  && test -f dist/apps/ingest-api/src/main.js \
  && test -f dist/apps/dispatcher/src/main.js \
  && test -f dist/apps/failsafe-scheduler/src/main.js \
  && test -f dist/libs/storage/src/migrate.main.js

FROM ${NODE_IMAGE} AS production-deps
WORKDIR /src
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM ${NODE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Posthorn" \
      org.opencontainers.image.description="Self-hosted, reliable webhook broker: HTTP publish/subscribe on nothing but MySQL" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# Package managers are for building; what is not here cannot be exploited here.
RUN rm -rf /usr/local/lib/node_modules /opt/yarn-* \
  && rm -f /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn /usr/local/bin/yarnpkg

# Names of consumers are resolved in libuv's threads, of which there are four by default: slow name servers of some must not hold up the others.
# More room for young objects saves about 3 % of the CPU (docs/configuration.md).
ENV NODE_ENV=production \
    UV_THREADPOOL_SIZE=64 \
    NODE_OPTIONS="--enable-source-maps --max-semi-space-size=32"
WORKDIR /app
# Owned by root and read by everybody: the process cannot change its own code, and the root file system can be read-only.
COPY package.json LICENSE ./
COPY --from=production-deps /src/node_modules ./node_modules
COPY --from=build /src/dist ./dist

# A number, so that Kubernetes can verify runAsNonRoot. It is the image's own user `node`.
USER 1000:1000

# Public API; health and metrics of ingest, dispatcher, scheduler; nudges.
EXPOSE 8080 9090 9091 9092 9191/udp

# Posthorn handles SIGTERM as process 1, so neither an init nor a shell stands in front of it.
ENTRYPOINT []
# node dist/apps/ingest-api/src/main.js          the ingest API
# node dist/apps/dispatcher/src/main.js          a dispatcher
# node dist/apps/failsafe-scheduler/src/main.js  the fail-safe scheduler
# node dist/libs/storage/src/migrate.main.js     brings the schema up to date, then exits
CMD ["node", "dist/apps/ingest-api/src/main.js"]
