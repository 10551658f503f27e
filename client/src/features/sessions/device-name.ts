/** Readable names for devices. */

const BROWSERS: [RegExp, string][] = [
  [/\bEdgA?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(?:Firefox|FxiOS)\//, 'Firefox'],
  [/\b(?:Chrome|Chromium|CriOS|HeadlessChrome)\//, 'Chrome'],
  [/\bVersion\/.*\bSafari\//, 'Safari'],
];

const SYSTEMS: [RegExp, string][] = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'Mac'],
  [/\bCrOS\b/, 'Chromebook'],
  [/\bLinux\b/, 'Linux'],
];

export interface Device {
  name: string;
  isPhone: boolean;
  isProgram: boolean;
}

/** "Firefox on Windows" for a browser, otherwise the name of the program, such as "curl". */
export function describeDevice(userAgent: string | null): Device {
  const text = userAgent ?? '';
  const find = (table: [RegExp, string][]) => table.find(([pattern]) => pattern.test(text))?.[1];
  const browser = find(BROWSERS);
  const system = find(SYSTEMS);
  const isPhone = /\b(?:iPhone|Mobile)\b/.test(text);
  if (browser) return { name: system ? `${browser} on ${system}` : browser, isPhone, isProgram: false };
  const program = /^[^\s/;(]+/.exec(text)?.[0];
  if (!program || program === 'Mozilla') return { name: system ?? 'Unknown device', isPhone, isProgram: false };
  return { name: program, isPhone, isProgram: true };
}
