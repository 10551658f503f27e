import { createApp } from 'vue';
import App from '@/App.vue';
import { forgetWhilePageIsKept, installApi } from '@/api';
import { startPayments } from '@/features/payments/payments';
import { watchClock } from '@/lib/clock';
import { keepKeysOfCompositions } from '@/lib/composition';
import { startRealtime } from '@/realtime';
import { router } from '@/router';
import '@/style.css';

keepKeysOfCompositions(window);
const app = createApp(App);
installApi(app);
app.use(router);
watchClock();
forgetWhilePageIsKept();
startRealtime();
startPayments();
app.mount('#app');
