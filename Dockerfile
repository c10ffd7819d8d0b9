# syntax=docker/dockerfile:1

# What production runs on: tsx runs the server's TypeScript as it is, vite builds the page.
FROM node:20-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY client-sdk/package.json client-sdk/
COPY web/package.json web/
RUN npm ci --omit=dev

FROM packages AS build
COPY tsconfig.json ./
COPY client-sdk client-sdk
COPY web web
RUN npx vite build web --logLevel warn

FROM node:20-slim AS runtime
WORKDIR /app
ENV NODE_ENV=production PORT=8080 HOST=0.0.0.0 DATA_DIR=/data
RUN mkdir /data && chown node:node /data
COPY --from=packages /app ./
COPY client-sdk client-sdk
COPY lua lua
COPY server server
COPY --from=build /app/web/dist web/dist
USER node
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Node gets SIGTERM itself and drains; there is no shell or npm in between.
CMD ["node", "--import", "tsx", "server/main.ts"]
