/** What `--web.external-url` takes, for the message that refuses another value. */
export const EXTERNAL_URL_FORM =
  'the http or https URL under which others reach this exporter, without user, query and fragment, such as https://mini.example.org/openclaw';

/**
 * The URL under which others reach this exporter, as Prometheus' flag of that name means it: a path is that
 * of a reverse proxy, slashes at the end do not count. Undefined where the text is no such URL.
 */
export function parseExternalUrl(text: string): string | undefined {
  // The parser drops blanks and line feeds, so that another URL than the one that was written would be shown.
  const url = /^https?:\/\/[^\s\p{Cc}"'<>\\]+$/iu.test(text) ? URL.parse(text) : null;
  if (url === null || url.hostname === '') return undefined;
  const { username, password, origin, pathname } = url;
  // A user's password would stand in a label.
  if (username !== '' || password !== '' || /[?#]/.test(text)) return undefined;
  return `${origin}${pathname}`.replace(/\/+$/, '');
}
