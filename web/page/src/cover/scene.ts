/** A small picture to convolve: a sun over hills, as grey values `[h][w]`. */

export function scene(rows: number, columns: number): number[][] {
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (_, column) => {
      const [x, y] = [(column + 0.5) / columns, (row + 0.5) / rows];
      const sun = Math.hypot(x - 0.68, y - 0.3) < 0.17;
      const far = y > 0.62 + 0.1 * Math.sin(5 * x + 0.4);
      const near = y > 0.8 - 0.13 * Math.sin(4.2 * x - 0.8);
      if (near) return 0.82;
      if (far) return 0.55;
      return sun ? 0.95 : 0.1 + 0.16 * y;
    }),
  );
}
