/** What a request says that matters for who asks, on whatever transport it came. */
export interface Asking {
  readonly headers: Headers;
  readonly search: URLSearchParams;
  /** The stream's path, decoded segments joined by "/", below the transport's prefix; undefined where no stream is asked for. */
  readonly stream: string | undefined;
}
