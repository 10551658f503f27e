/** The pages of operators, listed here so that the first load does not have to name their files. */

const pages = {
  Accounts: () => import('./Accounts.vue'),
  Account: () => import('./Account.vue'),
  Transaction: () => import('./Transaction.vue'),
  Actions: () => import('./Actions.vue'),
  Totals: () => import('./Totals.vue'),
};

export type OperatorPage = keyof typeof pages;

export const load = async (page: OperatorPage) => (await pages[page]()).default;
