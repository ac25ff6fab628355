-- Redshift's functions where DuckDB has no equal, created at start in memory.main, where every session finds them.
CREATE OR REPLACE MACRO rs_varchar(value, bytes) AS
    CASE WHEN strlen(CAST(value AS VARCHAR)) <= bytes THEN CAST(value AS VARCHAR)
    ELSE left(CAST(value AS VARCHAR),
              len(list_filter(range(1, bytes + 1), lambda n: strlen(left(CAST(value AS VARCHAR), n)) <= bytes)))
    END;
CREATE OR REPLACE MACRO rs_divisor(value) AS
    CASE WHEN value = 0 THEN error('rs:22012:division by zero') ELSE value END;
-- The list holds the value once: a macro repeats its argument, which may be the hash of a whole row.
CREATE OR REPLACE MACRO rs_strtol(value, base) AS list_transform([value], lambda text: rs_strtol_of(text, base))[1];
CREATE OR REPLACE MACRO rs_strtol_of(value, base) AS
    CASE WHEN value IS NULL THEN NULL
    WHEN base = 16 AND regexp_full_match(value, '[0-9a-fA-F]{1,15}') THEN CAST('0x' || value AS BIGINT)
    WHEN NOT regexp_full_match(lower(value), '-?(0x)?[0-9a-z]+') THEN
        error('rs:22023:invalid input for strtol: ' || value)
    ELSE CAST(list_sum(list_transform(
        range(0, len(rs_digits(value))),
        lambda i: rs_digit(rs_digits(value)[i + 1], base) * CAST(pow(base, len(rs_digits(value)) - 1 - i) AS BIGINT)))
        * CASE WHEN value LIKE '-%' THEN -1 ELSE 1 END AS BIGINT)
    END;
CREATE OR REPLACE MACRO rs_digits(value) AS regexp_replace(lower(value), '^-?(0x)?', '');
CREATE OR REPLACE MACRO rs_digit(letter, base) AS
    CASE WHEN strpos('0123456789abcdefghijklmnopqrstuvwxyz', letter) BETWEEN 1 AND base
    THEN strpos('0123456789abcdefghijklmnopqrstuvwxyz', letter) - 1
    ELSE error('rs:22023:digit out of range for strtol: ' || letter) END;
CREATE OR REPLACE MACRO rs_months_between(later, earlier) AS
    CASE WHEN day(CAST(later AS DATE)) = day(CAST(earlier AS DATE))
           OR (last_day(CAST(later AS DATE)) = CAST(later AS DATE)
               AND last_day(CAST(earlier AS DATE)) = CAST(earlier AS DATE))
    THEN CAST(date_diff('month', CAST(earlier AS DATE), CAST(later AS DATE)) AS DOUBLE)
    ELSE date_diff('month', CAST(earlier AS DATE), CAST(later AS DATE))
         + (epoch(CAST(later AS TIMESTAMP)) - epoch(date_trunc('month', CAST(later AS TIMESTAMP)))
            - epoch(CAST(earlier AS TIMESTAMP)) + epoch(date_trunc('month', CAST(earlier AS TIMESTAMP)))) / 86400.0 / 31.0
    END;
CREATE OR REPLACE MACRO rs_add_months(value, months) AS
    CASE WHEN last_day(CAST(value AS DATE)) = CAST(value AS DATE)
    THEN CAST(last_day(CAST(CAST(value AS DATE) + to_months(CAST(months AS INTEGER)) AS DATE)) AS TIMESTAMP)
         + (CAST(value AS TIMESTAMP) - date_trunc('day', CAST(value AS TIMESTAMP)))
    ELSE CAST(value AS TIMESTAMP) + to_months(CAST(months AS INTEGER)) END;
CREATE OR REPLACE MACRO rs_initcap(value) AS
    array_to_string(list_transform(regexp_extract_all(lower(value), '[^\W_]+|[\W_]+'),
        lambda word: upper(left(word, 1)) || substring(word, 2)), '');
CREATE OR REPLACE MACRO rs_json_text(value) AS
    CASE WHEN json_type(value) IN ('VARCHAR') THEN value ->> '$'
         WHEN json_type(value) IN ('NULL') THEN NULL
         ELSE CAST(value AS VARCHAR) END;
CREATE OR REPLACE MACRO rs_valid_json(value) AS
    CASE WHEN value IS NULL THEN NULL
    WHEN json_valid(value) THEN CAST(value AS JSON)
    ELSE error('rs:22023:JSON parsing error: ' || left(value, 100)) END;
CREATE OR REPLACE MACRO rs_sha2(value, bits) AS
    CASE WHEN bits IN (0, 256) THEN sha256(value)
    ELSE error('rs:0A000:SHA2 is supported for 256 bits only') END;
CREATE OR REPLACE MACRO rs_convert_timezone(source, target, value) AS
    (CAST(value AS TIMESTAMP) AT TIME ZONE source) AT TIME ZONE target;
CREATE OR REPLACE MACRO rs_translate(value, source, target) AS translate(value, source, target);
