# deploy/pin-images.sh brings this digest, and those of the compose files, up to date.
FROM node:24-slim@sha256:a9f5f7c91a432850b2a8a7797adf5eadb6c733ceed61167806cee7ea7fbc29df AS build
WORKDIR /skein
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev
COPY tsconfig.json tsconfig.build.json tsconfig.client.json vite.dashboard.config.ts ./
COPY scripts scripts
COPY src src
RUN npm run build:all

FROM node:24-slim@sha256:a9f5f7c91a432850b2a8a7797adf5eadb6c733ceed61167806cee7ea7fbc29df AS packages
WORKDIR /skein
COPY package.json package-lock.json .npmrc ./
# The optional packages are Node itself, which this image has.
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:24-slim@sha256:a9f5f7c91a432850b2a8a7797adf5eadb6c733ceed61167806cee7ea7fbc29df
WORKDIR /skein
ENV NODE_ENV=production \
    SKEIN_HOST=0.0.0.0 \
    SKEIN_PORT=8000 \
    SKEIN_DATA=/data
RUN install -d -o node -g node /data
COPY --from=packages /skein/node_modules node_modules
COPY --from=build /skein/dist dist
COPY package.json LICENSE ./
USER node
VOLUME /data
EXPOSE 8000
# The gateway says good-bye to its clients on SIGTERM; give it longer than drainMs before it is killed.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.SKEIN_PORT}/healthz`).then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/cli/main.js"]
CMD ["start"]
