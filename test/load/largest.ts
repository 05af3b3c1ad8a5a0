/** How large the filler of a row is, so that its body is nearly as large as a body may be. */
export const bodyBytes = 255 * 1024;

/** How many such rows there are: a little more than a snapshot takes. */
export const rows = 70;
