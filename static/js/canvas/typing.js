// Whether keys belong to a field, and not to the canvas.

/** @param {EventTarget | null} target @returns {boolean} */
export function typing(target) {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable], dialog, [role=menu]") !== null;
}
