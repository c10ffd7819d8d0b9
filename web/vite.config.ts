import { defineConfig } from "vite";

const server = "http://127.0.0.1:8080";

export default defineConfig({
  build: { target: "es2022", assetsInlineLimit: 0 },
  // For `vite web`: the page with hot reload, in front of a running server.
  server: { proxy: { "/v1": server, "/socket.io": { target: server, ws: true } } },
});
