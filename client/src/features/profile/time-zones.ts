/** The time zones that a user can choose. */

/** "America/Argentina/Buenos Aires". */
export const zoneName = (timeZone: string): string => timeZone.replaceAll('_', ' ');

/** The time zone of this device; UTC if it does not tell. */
export const deviceZone = (): string => new Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

/** All that this browser knows, and the given ones, in alphabetical order; UTC first. */
export function zoneOptions(...chosen: string[]): { value: string; label: string }[] {
  const names = new Set([...Intl.supportedValuesOf('timeZone'), ...chosen]);
  names.delete('UTC');
  return ['UTC', ...[...names].sort()].map((value) => ({ value, label: zoneName(value) }));
}
