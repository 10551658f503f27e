/** QR codes, which the service draws for its own addresses. */

/** The address of the image for one of our own links. */
export function qrCodeOf(link: string): string {
  return `/qr.svg?path=${encodeURIComponent(new URL(link).pathname)}`;
}
