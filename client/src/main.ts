import { createApp } from 'vue';
import App from '@/App.vue';
import { installApi } from '@/api';
import { keepKeysOfCompositions } from '@/lib/composition';
import { startRealtime } from '@/realtime';
import { router } from '@/router';
import '@/style.css';

keepKeysOfCompositions(window);
const app = createApp(App);
installApi(app);
app.use(router);
startRealtime();
app.mount('#app');
