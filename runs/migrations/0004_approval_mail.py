
import django.db.models.deletion
import orchestrator.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('runs', '0003_undoing'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ApprovalMail',
            fields=[
                ('id', models.UUIDField(db_column='_id', default=orchestrator.models.new_id, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('approval_id', models.UUIDField()),
                ('state', models.CharField(choices=[('due', 'Due'), ('sent', 'Sent'), ('failed', 'Could not be sent'), ('dropped', 'Not needed any more')], default='due', max_length=8)),
                ('due_at', models.DateTimeField()),
                ('tries', models.PositiveIntegerField(default=0)),
                ('revision', models.PositiveIntegerField(default=0)),
                ('error', models.CharField(blank=True, max_length=500)),
            ],
        ),
        migrations.AddField(
            model_name='approval',
            name='to_mail',
            field=models.BooleanField(default=False),
        ),
        migrations.AddIndex(
            model_name='approval',
            index=models.Index(fields=['to_mail'], name='approval_to_mail'),
        ),
        migrations.AddField(
            model_name='approvalmail',
            name='instance',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='mails', to='runs.orchestrationinstance'),
        ),
        migrations.AddField(
            model_name='approvalmail',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddIndex(
            model_name='approvalmail',
            index=models.Index(fields=['state', 'due_at'], name='mail_due'),
        ),
        migrations.AddIndex(
            model_name='approvalmail',
            index=models.Index(fields=['instance'], name='mail_instance'),
        ),
        migrations.AddConstraint(
            model_name='approvalmail',
            constraint=models.UniqueConstraint(fields=('approval_id', 'user'), name='mail_once'),
        ),
    ]
