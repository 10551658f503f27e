import { createRouter, createWebHistory } from 'vue-router';

export const router = createRouter({
  history: createWebHistory(),
  routes: [{ path: '/:rest(.*)*', name: 'not-found', component: () => import('@/pages/NotFound.vue'), meta: { title: 'Page not found' } }],
});
