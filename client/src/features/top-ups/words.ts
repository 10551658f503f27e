/** The states of a top-up in words. */

import type { TopUp } from './documents';

export const STATUSES: Record<TopUp['status'], { label: string; look: string }> = {
  PENDING: { label: 'Not paid yet', look: 'bg-caution-soft text-caution' },
  POSTED: { label: 'Added', look: 'bg-incoming-soft text-incoming' },
  FAILED: { label: 'Not added', look: 'bg-sunken text-muted' },
  REVERSED: { label: 'Taken back', look: 'bg-danger-soft text-danger' },
};

/** Whether the provider's word may still change it. */
export const isPending = ({ status }: Pick<TopUp, 'status'>): boolean => status === 'PENDING';
