// Grafana's tables take the default of this module, which is not where esbuild looks for it.
export { Scrollbars as default } from '../node_modules/react-custom-scrollbars-2/lib/index.js';
