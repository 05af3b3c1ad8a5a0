/** Calls someone who must not hurt us: an exception is a defect and is thrown again, outside of what we are doing. */
export function guarded(call: () => void): void {
  try {
    call();
  } catch (defect) {
    queueMicrotask(() => {
      throw defect;
    });
  }
}
