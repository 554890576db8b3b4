/** What a JSON column holds: MariaDB's arrives as text, MySQL's parsed. */
export const fromJson = <T>(value: T | string | null): T | null => (typeof value === 'string' ? JSON.parse(value) : value);
