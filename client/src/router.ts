/** The routes of the client, who may see them, and redirects for everyone else. */
import {
  createRouter,
  createWebHistory,
  type RouteLocationNormalized,
  type RouteLocationRaw,
  type RouteRecordRaw,
} from 'vue-router';
import { session, sessionKnown } from '@/api';
import { pathWithin } from '@/lib/paths';
import type { OperatorPage } from '@/pages/operator';

declare module 'vue-router' {
  interface RouteMeta {
    title?: string;
    /** `wallet`: with navigation; `account`: a single column. If missing, it depends on whether the user is signed in. */
    layout?: 'wallet' | 'account';
    access?: 'signed-in' | 'signed-out';
    /** Two columns on wide screens, so the page gets more width. */
    isWide?: boolean;
  }
}

const inWallet = (title: string) => ({ title, layout: 'wallet', access: 'signed-in' }) as const;
const entrance = (title: string) => ({ title, layout: 'account', access: 'signed-out' }) as const;
const forAll = (title: string) => ({ title, layout: 'account' }) as const;
const ofOperators = (page: OperatorPage) => async () => (await import('@/pages/operator')).load(page);

/** Where the user with that link is paid. */
export const payPageOf = ({ params, query: { amount, note } }: Pick<RouteLocationNormalized, 'params' | 'query'>) => ({
  name: 'send',
  query: { handle: params.handle, amount, note },
  replace: true,
});

const routes: RouteRecordRaw[] = [
  { path: '/', name: 'home', component: () => import('@/pages/Home.vue'), meta: { ...inWallet('Home'), isWide: true } },
  { path: '/send', name: 'send', component: () => import('@/pages/Send.vue'), meta: inWallet('Send money') },
  {
    path: '/@:handle',
    name: 'person',
    component: () => import('@/pages/Person.vue'),
    props: true,
    meta: forAll('Send money'),
    // Signed in, the link of a user is the page on which to pay them.
    beforeEnter: (to) => (session.value.status === 'signed-in' ? payPageOf(to) : true),
  },
  { path: '/add', name: 'add-money', component: () => import('@/pages/money/AddMoney.vue'), meta: inWallet('Add money') },
  { path: '/add/return', name: 'top-up', component: () => import('@/pages/money/TopUp.vue'), meta: inWallet('Adding money') },
  { path: '/activity', name: 'activity', component: () => import('@/pages/Activity.vue'), meta: inWallet('Activity') },
  {
    path: '/activity/statement',
    name: 'statement',
    component: () => import('@/pages/Statement.vue'),
    meta: inWallet('Statement'),
  },
  {
    path: '/activity/insights',
    name: 'insights',
    component: () => import('@/pages/Insights.vue'),
    meta: { ...inWallet('Insights'), isWide: true },
  },
  {
    path: '/activity/:id',
    name: 'transaction',
    component: () => import('@/pages/Transaction.vue'),
    props: true,
    meta: inWallet('Transaction'),
  },
  { path: '/scheduled', name: 'scheduled', component: () => import('@/pages/Scheduled.vue'), meta: inWallet('Scheduled') },
  {
    path: '/scheduled/:id',
    name: 'scheduled-transfer',
    component: () => import('@/pages/ScheduledTransfer.vue'),
    props: true,
    meta: inWallet('Scheduled transfer'),
  },
  {
    path: '/request',
    name: 'request',
    component: () => import('@/pages/requests/NewRequest.vue'),
    meta: inWallet('Request money'),
  },
  {
    path: '/requests',
    name: 'requests',
    component: () => import('@/pages/requests/Requests.vue'),
    meta: inWallet('Requests'),
  },
  {
    path: '/requests/:id',
    name: 'payment-request',
    component: () => import('@/pages/requests/Request.vue'),
    props: true,
    meta: inWallet('Request'),
  },
  {
    path: '/requests/:id/pay',
    name: 'pay-request',
    component: () => import('@/pages/requests/PayRequest.vue'),
    props: true,
    meta: inWallet('Pay'),
  },
  { path: '/split', name: 'split', component: () => import('@/pages/requests/Split.vue'), meta: inWallet('Split a bill') },
  {
    path: '/splits/:id',
    name: 'bill-split',
    component: () => import('@/pages/requests/BillSplit.vue'),
    props: true,
    meta: inWallet('Split'),
  },
  {
    path: '/r/:token',
    name: 'request-link',
    component: () => import('@/pages/requests/RequestLink.vue'),
    props: true,
    meta: { title: 'Payment request' },
  },
  {
    path: '/notifications',
    name: 'notifications',
    component: () => import('@/pages/Notifications.vue'),
    meta: inWallet('Notifications'),
  },
  {
    path: '/settings',
    name: 'settings',
    component: () => import('@/pages/settings/Settings.vue'),
    meta: inWallet('Settings'),
  },
  {
    path: '/settings/profile',
    name: 'profile',
    component: () => import('@/pages/settings/Profile.vue'),
    meta: inWallet('Profile'),
  },
  {
    path: '/settings/link',
    name: 'link',
    component: () => import('@/pages/settings/Link.vue'),
    meta: inWallet('Your link'),
  },
  {
    path: '/settings/password',
    name: 'password',
    component: () => import('@/pages/settings/Password.vue'),
    meta: inWallet('Password'),
  },
  {
    path: '/settings/security',
    name: 'security',
    component: () => import('@/pages/settings/Security.vue'),
    meta: inWallet('Security'),
  },
  {
    path: '/settings/devices',
    name: 'devices',
    component: () => import('@/pages/settings/Devices.vue'),
    meta: inWallet('Devices'),
  },
  {
    path: '/settings/blocked',
    name: 'blocked',
    component: () => import('@/pages/settings/Blocked.vue'),
    meta: inWallet('Blocked people'),
  },
  {
    path: '/settings/api-tokens',
    name: 'api-tokens',
    component: () => import('@/pages/settings/ApiTokens.vue'),
    meta: inWallet('API tokens'),
  },
  {
    path: '/settings/notifications',
    name: 'notification-settings',
    component: () => import('@/pages/settings/NotificationSettings.vue'),
    meta: inWallet('Notifications'),
  },
  {
    path: '/settings/webhooks',
    name: 'webhooks',
    component: () => import('@/pages/settings/Webhooks.vue'),
    meta: inWallet('Webhooks'),
  },
  {
    path: '/settings/webhooks/new',
    name: 'new-webhook',
    component: () => import('@/pages/settings/NewWebhook.vue'),
    meta: inWallet('New webhook'),
  },
  {
    path: '/settings/webhooks/:id',
    name: 'webhook',
    component: () => import('@/pages/settings/Webhook.vue'),
    props: true,
    meta: inWallet('Webhook'),
  },
  { path: '/settings/account', name: 'account', component: () => import('@/pages/settings/Account.vue'), meta: inWallet('Your account') },
  { path: '/settings/account/close', name: 'close-account', component: () => import('@/pages/settings/CloseAccount.vue'), meta: inWallet('Close your account') },
  { path: '/settings/appearance', name: 'appearance', component: () => import('@/pages/settings/Appearance.vue'), meta: inWallet('Appearance') },
  { path: '/operator', name: 'operator', component: ofOperators('Accounts'), meta: inWallet('Back office') },
  { path: '/operator/accounts/:id', name: 'operator-account', component: ofOperators('Account'), props: true, meta: inWallet('Account') },
  { path: '/operator/transactions/:reference', name: 'operator-transaction', component: ofOperators('Transaction'), props: true, meta: inWallet('Transaction') },
  { path: '/operator/actions', name: 'operator-actions', component: ofOperators('Actions'), meta: inWallet('Actions of operators') },
  { path: '/operator/totals', name: 'operator-totals', component: ofOperators('Totals'), meta: inWallet('Totals') },
  { path: '/sign-in', name: 'sign-in', component: () => import('@/pages/SignIn.vue'), meta: entrance('Sign in') },
  {
    path: '/register',
    name: 'register',
    component: () => import('@/pages/Register.vue'),
    meta: entrance('Create your wallet'),
  },
  { path: '/account-closed', name: 'account-closed', component: () => import('@/pages/AccountClosed.vue'), meta: forAll('Account closed') },
  { path: '/check-mail', name: 'check-mail', component: () => import('@/pages/CheckMail.vue'), meta: forAll('Check your email') },
  { path: '/verify-email', name: 'verify-email', component: () => import('@/pages/VerifyEmail.vue'), meta: forAll('Verify your email address') },
  {
    path: '/forgot-password',
    name: 'forgot-password',
    component: () => import('@/pages/ForgotPassword.vue'),
    meta: forAll('Forgot your password?'),
  },
  {
    path: '/reset-password',
    name: 'reset-password',
    component: () => import('@/pages/ResetPassword.vue'),
    meta: forAll('Choose a new password'),
  },
  {
    path: '/report-sign-in',
    name: 'report-sign-in',
    component: () => import('@/pages/ReportSignIn.vue'),
    meta: forAll('This wasn’t me'),
  },
  {
    path: '/:rest(.*)*',
    name: 'not-found',
    component: () => import('@/pages/NotFound.vue'),
    meta: forAll('Page not found'),
  },
];

export const router = createRouter({
  history: createWebHistory(),
  routes,
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? undefined : { top: 0 }),
});

/** The key in a history entry's state of the user it belongs to: a user never navigates to pages of another. */
const OWNER = 'owner';

/** The user to whom the history entry of that page belongs; null if it belongs to none, or the page is not open yet. */
export function ownerOf(to: Pick<RouteLocationNormalized, 'fullPath'>): string | null {
  const isCurrentEntry = router.resolve(to.fullPath).href === location.pathname + location.search + location.hash;
  const state = isCurrentEntry ? (history.state as Record<string, unknown> | null) : null;
  return typeof state?.[OWNER] === 'string' ? state[OWNER] : null;
}

/** Where to redirect from that page; null if the user may see it. */
export function redirectFrom(
  to: Pick<RouteLocationNormalized, 'meta' | 'path' | 'fullPath' | 'query'>,
): RouteLocationRaw | null {
  const { value } = session;
  if (value.status === 'unknown') return null;
  const owner = ownerOf(to);
  if (value.status === 'signed-in') {
    if (owner !== null && owner !== value.viewerId && to.fullPath !== '/') {
      return { path: '/', replace: true, state: { [OWNER]: value.viewerId } };
    }
    // As one text: as the `path` of an object, it would lose its query.
    return to.meta.access === 'signed-out' ? pathWithin(to.query.next) : null;
  }
  if (to.meta.access !== 'signed-in') return null;
  // After signing out, the user has left the page; after any other end of the session they return to it.
  if (to.path === '/' || value.because === 'signed-out') return { path: '/sign-in' };
  return { path: '/sign-in', query: { next: to.fullPath }, state: owner === null ? {} : { [OWNER]: owner } };
}

router.beforeEach(async (to) => {
  if (session.value.status === 'unknown') await sessionKnown();
  return redirectFrom(to) ?? true;
});

router.afterEach(() => {
  const { value } = session;
  if (value.status !== 'signed-in') return;
  history.replaceState({ ...(history.state as object | null), [OWNER]: value.viewerId }, '');
});
