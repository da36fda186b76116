# syntax=docker/dockerfile:1

FROM node:24-slim AS base
WORKDIR /app
ENV NODE_ENV=production

# What the program needs at run time and nothing else. The embedded Postgres stays out: a container has DATABASE_URL.
FROM base AS dependencies
COPY package.json package-lock.json ./
COPY packages/verifier/package.json ./packages/verifier/
RUN npm ci --omit=dev --omit=optional --no-audit --no-fund && npm cache clean --force

# The example app and API of docker-compose.yml; `docker build` alone passes it by.
FROM base AS demo
COPY package.json package-lock.json ./
COPY packages/verifier/package.json ./packages/verifier/
# The test tools among the packages have install scripts that only tests need.
RUN npm ci --include=dev --omit=optional --ignore-scripts --no-audit --no-fund && npm rebuild argon2
COPY tsconfig.json ./
COPY db ./db
COPY views ./views
COPY packages ./packages
COPY src ./src
COPY examples ./examples
USER 10001:0

# JavaScript without types: Node would strip them at each start, since nothing in the image can be written to and kept.
# The compiler is one of the optional packages, each machine's own.
FROM base AS compiled
COPY package.json package-lock.json ./
COPY packages/verifier/package.json ./packages/verifier/
RUN npm ci --include=dev --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build

FROM base AS claviger
LABEL org.opencontainers.image.title="Claviger" \
      org.opencontainers.image.description="A self-hosted OpenID Connect provider" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=compiled /app/dist ./dist
COPY package.json LICENSE ./
COPY db ./db
COPY views ./views
# Nothing under /app is written to, by any uid: run it with a read-only root file system and whatever user you like.
# /data holds run-time files only; mount a tmpfs there when the file system is read-only.
RUN mkdir -p /data && chgrp 0 /data && chmod 770 /data
ENV CLAVIGER_HOST=0.0.0.0 \
    CLAVIGER_PORT=9400 \
    CLAVIGER_DATA_DIR=/data
USER 10001:0
EXPOSE 9400
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.CLAVIGER_PORT}/health/ready`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/main.js"]
CMD ["start"]
