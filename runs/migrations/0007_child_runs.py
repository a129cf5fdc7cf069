from django.db import migrations, models


def nobody_is_owed(apps, schema_editor):
    """Runs of before have no parents."""
    apps.get_model("runs", "OrchestrationInstance").objects.filter(parent_told=False).update(parent_told=True)


class Migration(migrations.Migration):
    dependencies = [("runs", "0006_indexes_for_lists")]

    operations = [
        migrations.AlterField(
            model_name="orchestrationinstance",
            name="parent_told",
            field=models.BooleanField(default=True),
        ),
        migrations.RunPython(nobody_is_owed, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="orchestrationinstance",
            index=models.Index(
                condition=models.Q(("parent_told", False)), fields=["parent_told"], name="run_untold"
            ),
        ),
    ]
