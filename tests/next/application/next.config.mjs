export default { distDir: "build", outputFileTracingRoot: import.meta.dirname, turbopack: { root: import.meta.dirname } };
