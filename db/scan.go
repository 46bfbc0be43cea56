package db

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/jmoiron/sqlx"
)

// scanRows reads the rows as [All] describes.
func scanRows[T any](rows *sqlx.Rows) (all []T, err error) {
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	record := reflect.TypeFor[T]()
	var fields [][]int
	if record.Kind() == reflect.Struct {
		fields = rows.Mapper.TraversalsByName(record, columns)
	}
	for rows.Next() {
		all = append(all, *new(T))
		into := []any{&all[len(all)-1]}
		if record.Kind() == reflect.Struct {
			into = into[:0]
			for i, field := range fields {
				if len(field) == 0 {
					return nil, fmt.Errorf("%v has no field for the column %s", record, columns[i])
				}
				into = append(into, destination(reflect.ValueOf(&all[len(all)-1]).Elem().FieldByIndex(field).Addr().Interface()))
			}
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
	}
	return all, rows.Err()
}

// destination returns what a column is scanned into for a field.
func destination(field any) any {
	switch field.(type) {
	case *time.Time, *time.Duration, *string, *int, *int64, *bool:
		return column{field}
	case sql.Scanner, *[]byte:
		return field
	}
	switch reflect.TypeOf(field).Elem().Kind() {
	case reflect.Slice, reflect.Map, reflect.Struct:
		return column{field}
	default:
		return field
	}
}

// column scans a column into a field: times and durations are stored in milliseconds, lists and maps as JSON. NULL is
// the zero value.
type column struct{ field any }

func (c column) Scan(value any) error {
	switch field := c.field.(type) {
	case *time.Time:
		var ms sql.Null[int64]
		err := ms.Scan(value)
		*field = Time(ms.V)
		return err
	case *time.Duration:
		var ms sql.Null[int64]
		err := ms.Scan(value)
		*field = time.Duration(ms.V) * time.Millisecond
		return err
	case *string:
		return scanInto(field, value)
	case *int:
		return scanInto(field, value)
	case *int64:
		return scanInto(field, value)
	case *bool:
		return scanInto(field, value)
	default:
		var raw string
		if err := scanInto(&raw, value); err != nil {
			return err
		}
		return json.Unmarshal([]byte(raw), field)
	}
}

func scanInto[V any](field *V, value any) error {
	var v sql.Null[V]
	err := v.Scan(value)
	*field = v.V
	return err
}
