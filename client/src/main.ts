import { createApp } from 'vue';
import App from '@/App.vue';
import { installApi } from '@/api';
import { startRealtime } from '@/realtime';
import { router } from '@/router';
import '@/style.css';

const RELOADED_AT = 'reloaded-at';
const RELOAD_AGAIN_MILLISECONDS = 60_000;

// A page of an older build asks for files that are gone: the newer build has it. Not twice in a row.
window.addEventListener('vite:preloadError', (event) => {
  const reloadedAt = Number(sessionStorage.getItem(RELOADED_AT) ?? 0);
  if (!navigator.onLine || Date.now() - reloadedAt < RELOAD_AGAIN_MILLISECONDS) return;
  event.preventDefault();
  sessionStorage.setItem(RELOADED_AT, String(Date.now()));
  window.location.reload();
});

const app = createApp(App);
installApi(app);
app.use(router);
startRealtime();
app.mount('#app');
